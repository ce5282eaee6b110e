"""Which host can have a port, and as what."""

import dataclasses

import pytest

from networking_weft import binding

SEGMENT = {
    "id": "seg-1",
    "network_type": "vlan",
    "physical_network": "physnet1",
    "segmentation_id": 7,
}
HOST = binding.Host(
    name="h1",
    alive=True,
    physnets=frozenset({"physnet1"}),
    network_types=frozenset({"flat", "vlan", "gpe"}),
    binding_types=frozenset({"tap", "vhostuser"}),
    vhost_user_directory="/run/sockets",
)
MACHINE = binding.Wanted("port-1", "normal", "compute:nova")


def segment(**fields):
    return SEGMENT | fields


def test_a_machine_gets_a_vhost_user_socket_that_qemu_serves():
    bound = binding.bind(MACHINE, HOST, [SEGMENT])
    assert bound == binding.Bound(
        "seg-1",
        "vhostuser",
        {
            "port_filter": True,
            "connectivity": "l2",
            "vhostuser_mode": "server",
            "vhostuser_socket": "/run/sockets/port-1",
        },
    )


def test_qemu_is_the_client_where_vpp_serves_the_socket():
    host = dataclasses.replace(HOST, vhost_user_mode="server")
    assert binding.bind(MACHINE, host, [SEGMENT]).vif_details["vhostuser_mode"] == "client"


@pytest.mark.parametrize("owner", ["network:dhcp", "network:router_interface", "neutron:x"])
def test_a_service_of_the_cloud_gets_a_tap(owner):
    bound = binding.bind(binding.Wanted("p", "normal", owner), HOST, [SEGMENT])
    assert bound.vif_type == "tap"
    assert "vhostuser_socket" not in bound.vif_details


def test_the_first_segment_that_the_host_serves_is_taken():
    segments = [
        segment(id="a", network_type="vxlan", physical_network=None),
        segment(id="b", physical_network="physnet9"),
        segment(id="c"),
        segment(id="d"),
    ]
    assert binding.bind(MACHINE, HOST, segments).segment_id == "c"


def test_an_overlay_needs_no_physical_network():
    gpe = segment(network_type="gpe", physical_network=None)
    host = dataclasses.replace(HOST, physnets=frozenset())
    assert isinstance(binding.bind(MACHINE, host, [gpe]), binding.Bound)


@pytest.mark.parametrize(
    ("wanted", "host", "segments", "words"),
    [
        (MACHINE, None, [SEGMENT], "no Weft agent"),
        (MACHINE, dataclasses.replace(HOST, alive=False), [SEGMENT], "not alive"),
        (MACHINE, dataclasses.replace(HOST, admin_state_up=False), [SEGMENT], "set down"),
        (binding.Wanted("p", "direct", "compute:x"), HOST, [SEGMENT], "vnic_type direct"),
        (
            MACHINE,
            dataclasses.replace(HOST, binding_types=frozenset({"tap"})),
            [SEGMENT],
            "does not serve vhostuser",
        ),
        (MACHINE, HOST, [segment(physical_network="physnet2")], "physical network physnet2"),
        (MACHINE, HOST, [segment(network_type="geneve")], "network type geneve is not served"),
        (MACHINE, HOST, [segment(network_type="vxlan")], "does not serve networks of type vxlan"),
        (MACHINE, HOST, [], "no segment"),
    ],
)
def test_a_refusal_says_why(wanted, host, segments, words):
    refused = binding.bind(wanted, host, segments)
    assert isinstance(refused, binding.Refused)
    assert words in refused.reason


def test_a_host_is_what_its_agent_says():
    said = {
        "physnets": ["physnet1"],
        "network_types": ["flat", "vlan", "gpe"],
        "binding_types": ["tap", "vhostuser"],
        "vhost_user": {"directory": "/run/sockets", "mode": "client"},
    }
    agent = binding.HostAgent("h1", said, admin_state_up=True, alive=True)
    assert binding.host_of_agent(agent, "/other") == HOST


def test_an_older_agent_has_what_all_have():
    agent = binding.HostAgent("h", {}, admin_state_up=True, alive=True)
    host = binding.host_of_agent(agent, "/default")
    assert host.network_types == {"flat", "vlan"}
    assert host.binding_types == {"tap", "vhostuser"}
    assert (host.vhost_user_directory, host.vhost_user_mode) == ("/default", "client")
