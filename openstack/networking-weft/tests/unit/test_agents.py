"""What Neutron knows of hosts."""

from networking_weft import agents


def test_an_agent_says_what_it_is():
    value = {"version": "0.1.0", "vpp": None, "network_types": ["flat"], "secret": 1}
    assert agents.configurations(value, ("a",)) == {
        "version": "0.1.0",
        "network_types": ["flat"],
        "physnets": ["a"],
    }


def test_an_older_agent_says_nothing_of_itself():
    assert agents.configurations("1", ()) == {"physnets": []}
