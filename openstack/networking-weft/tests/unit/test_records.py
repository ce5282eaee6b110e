"""Which records objects of Neutron make."""

import dataclasses

import pytest

from networking_weft import records

VLAN = records.Binding("h1", True, "vhostuser", "weft", "vlan", "physnet1", 7)
PORT = records.Port(
    id="port-1",
    mac_address="fa:16:3e:00:00:01",
    device_id="machine-1",
    admin_state_up=True,
    status="DOWN",
    mtu=1400,
    port_security_enabled=True,
    fixed_ips=(("subnet-2", "fd00::5"), ("subnet-1", "10.0.0.5")),
    security_groups=("sg-2", "sg-1"),
    allowed_address_pairs=(("fa:16:3e:00:00:02", "10.0.0.9"),),
    bindings=(VLAN,),
)
RULE = records.Rule("ingress", "IPv4", "tcp", 80, 90, "10.0.0.0/8", None, None)


def with_bindings(*bindings):
    return dataclasses.replace(PORT, bindings=bindings)


def test_a_bound_port_has_one_record_with_every_field():
    assert records.hosts(PORT) == {
        "h1": {
            "mac_address": "fa:16:3e:00:00:01",
            "mtu": 1400,
            "physnet": "physnet1",
            "network_type": "vlan",
            "segmentation_id": 7,
            "binding_type": "vhostuser",
            "security_groups": ["sg-1", "sg-2"],
            "allowed_address_pairs": [
                {"ip_address": "10.0.0.9", "mac_address": "fa:16:3e:00:00:02"}
            ],
            "fixed_ips": [
                {"subnet_id": "subnet-1", "ip_address": "10.0.0.5"},
                {"subnet_id": "subnet-2", "ip_address": "fd00::5"},
            ],
            "port_security_enabled": True,
            "device_id": "machine-1",
        }
    }


def test_while_it_migrates_both_hosts_have_it():
    target = dataclasses.replace(VLAN, host="h2", active=False)
    assert records.hosts(with_bindings(VLAN, target)).keys() == {"h1", "h2"}


@pytest.mark.parametrize(
    "fields",
    [
        {"vif_type": "unbound", "driver": None, "network_type": None},
        {"vif_type": "binding_failed", "driver": None},
        {"driver": "openvswitch", "vif_type": "ovs"},
        {"driver": "openvswitch"},
        {"host": ""},
        {"network_type": "geneve"},
    ],
)
def test_bindings_of_others_make_no_record(fields):
    assert records.hosts(with_bindings(dataclasses.replace(VLAN, **fields))) == {}


def test_a_port_that_is_set_down_is_wanted_nowhere():
    assert records.hosts(dataclasses.replace(PORT, admin_state_up=False)) == {}


def test_flat_has_no_number_and_an_overlay_no_physical_network():
    flat = dataclasses.replace(VLAN, network_type="flat", segmentation_id=0)
    gpe = dataclasses.replace(VLAN, network_type="gpe", physnet="x", segmentation_id=5001)
    (flat_record,) = records.hosts(with_bindings(flat)).values()
    (gpe_record,) = records.hosts(with_bindings(gpe)).values()
    assert (flat_record["physnet"], flat_record["segmentation_id"]) == ("physnet1", None)
    assert (gpe_record["physnet"], gpe_record["segmentation_id"]) == (None, 5001)


def test_the_order_of_rows_makes_no_difference():
    shuffled = dataclasses.replace(
        PORT, fixed_ips=PORT.fixed_ips[::-1], security_groups=PORT.security_groups[::-1]
    )
    assert records.hosts(shuffled) == records.hosts(PORT)
    other = dataclasses.replace(RULE, port_min=1)
    assert records.security_group(True, [RULE, other]) == records.security_group(
        True, [other, RULE]
    )


def test_a_rule_says_who_may_send_what():
    record = records.security_group(False, [RULE])
    assert record == {
        "ingress_rules": [
            {
                "is_ipv6": 0,
                "remote_ip_addr": "10.0.0.0",
                "ip_prefix_len": 8,
                "remote_group_id": None,
                "remote_address_group_id": None,
                "protocol": 6,
                "port_min": 80,
                "port_max": 90,
            }
        ],
        "egress_rules": [],
        "stateful": False,
    }


@pytest.mark.parametrize(
    ("ethertype", "prefix", "expected"),
    [
        ("IPv4", None, (0, None, 0)),
        ("IPv6", None, (1, None, 0)),
        ("IPv4", "192.0.2.1", (0, "192.0.2.1", 32)),
        ("IPv6", "2001:db8::1", (1, "2001:db8::1", 128)),
        ("IPv4", "0.0.0.0/0", (0, "0.0.0.0", 0)),
        ("IPv6", "2001:db8::/64", (1, "2001:db8::", 64)),
    ],
)
def test_prefixes(ethertype, prefix, expected):
    rule = dataclasses.replace(RULE, ethertype=ethertype, remote_prefix=prefix)
    (record,) = records.security_group(True, [rule])["ingress_rules"]
    assert (record["is_ipv6"], record["remote_ip_addr"], record["ip_prefix_len"]) == expected


@pytest.mark.parametrize(
    ("protocol", "is_ipv6", "number"),
    [
        (None, False, 0),
        ("any", True, 0),
        ("tcp", False, 6),
        ("udp", True, 17),
        ("icmp", False, 1),
        ("icmp", True, 58),
        ("1", True, 58),
        ("ipv6-icmp", True, 58),
        ("ipip", False, 4),
        ("132", False, 132),
        ("no-such", False, "no-such"),
    ],
)
def test_protocols(protocol, is_ipv6, number):
    assert records.protocol_number(protocol, is_ipv6) == number


def test_an_address_group_is_its_addresses_in_order():
    assert records.address_group(["2001:db8::/64", "10.0.0.0/8"]) == {
        "addresses": ["10.0.0.0/8", "2001:db8::/64"]
    }
