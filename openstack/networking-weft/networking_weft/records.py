"""Which records of the store an object of Neutron makes. Pure: rows in, JSON objects out.

The layout is that of ``weft``'s docs/store.md. Every field is written out, in an order that
depends on the contents alone, so that the same state always makes the same record.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from neutron_lib import constants as n_const
from neutron_lib.api.definitions import portbindings

from networking_weft import constants
from networking_weft.binding import OVERLAY_TYPES, PHYSICAL_TYPES

Record = dict[str, Any]

DEFAULT_MTU = 1500

BINDING_TYPES = {
    portbindings.VIF_TYPE_TAP: "tap",
    portbindings.VIF_TYPE_VHOST_USER: "vhostuser",
}


@dataclass(frozen=True)
class Binding:
    """One binding of a port, at its lowest level."""

    host: str
    active: bool
    vif_type: str
    driver: str | None
    network_type: str | None
    physnet: str | None
    segmentation_id: int | None


@dataclass(frozen=True)
class Port:
    """What the database says of a port."""

    id: str
    mac_address: str
    device_id: str
    admin_state_up: bool
    status: str
    mtu: int | None
    port_security_enabled: bool
    fixed_ips: tuple[tuple[str, str], ...]
    """Subnet and address."""
    security_groups: tuple[str, ...]
    allowed_address_pairs: tuple[tuple[str, str], ...]
    """MAC address and address or prefix."""
    bindings: tuple[Binding, ...]


@dataclass(frozen=True)
class Rule:
    """A rule of a security group."""

    direction: str
    ethertype: str
    protocol: str | None
    port_min: int | None
    port_max: int | None
    remote_prefix: str | None
    remote_group_id: str | None
    remote_address_group_id: str | None


def is_ours(binding: Binding) -> bool:
    """Whether the binding has been made by this driver."""
    return (
        bool(binding.host)
        and binding.driver == constants.DRIVER
        and binding.vif_type in BINDING_TYPES
        and binding.network_type in PHYSICAL_TYPES + OVERLAY_TYPES
    )


def hosts(port: Port) -> dict[str, Record]:
    """The port's records by host.

    As a rule there is one. While a machine migrates, the host that it goes to has one, too: its
    binding is not active yet, but QEMU has to find its interface there. A port whose
    ``admin_state_up`` is false is wanted nowhere.
    """
    if not port.admin_state_up:
        return {}
    return {binding.host: _port(port, binding) for binding in port.bindings if is_ours(binding)}


def _port(port: Port, binding: Binding) -> Record:
    physical = binding.network_type in PHYSICAL_TYPES
    numbered = binding.network_type != n_const.TYPE_FLAT
    return {
        "mac_address": port.mac_address,
        "mtu": port.mtu or DEFAULT_MTU,
        "physnet": binding.physnet if physical else None,
        "network_type": binding.network_type,
        "segmentation_id": binding.segmentation_id if numbered else None,
        "binding_type": BINDING_TYPES[binding.vif_type],
        "security_groups": sorted(port.security_groups),
        "allowed_address_pairs": [
            {"ip_address": address, "mac_address": mac}
            for mac, address in sorted(port.allowed_address_pairs)
        ],
        "fixed_ips": [
            {"subnet_id": subnet, "ip_address": address}
            for subnet, address in sorted(port.fixed_ips)
        ],
        "port_security_enabled": port.port_security_enabled,
        "device_id": port.device_id,
    }


def security_group(stateful: bool, rules: Iterable[Rule]) -> Record:
    """The record of a security group."""
    sides: dict[str, list[Record]] = {n_const.INGRESS_DIRECTION: [], n_const.EGRESS_DIRECTION: []}
    for rule in rules:
        sides[rule.direction].append(_rule(rule))
    return {
        "ingress_rules": sorted(sides[n_const.INGRESS_DIRECTION], key=_order),
        "egress_rules": sorted(sides[n_const.EGRESS_DIRECTION], key=_order),
        "stateful": stateful,
    }


def _rule(rule: Rule) -> Record:
    address, _, length = (rule.remote_prefix or "").partition("/")
    is_ipv6 = rule.ethertype == n_const.IPv6
    if address and not length:
        length = "128" if is_ipv6 else "32"
    return {
        "is_ipv6": int(is_ipv6),
        "remote_ip_addr": address or None,
        "ip_prefix_len": int(length or 0),
        "remote_group_id": rule.remote_group_id,
        "remote_address_group_id": rule.remote_address_group_id,
        "protocol": protocol_number(rule.protocol, is_ipv6),
        "port_min": rule.port_min,
        "port_max": rule.port_max,
    }


def protocol_number(protocol: str | None, is_ipv6: bool) -> int | str:
    """The IANA number of a protocol as Neutron names it; 0 is any.

    A name that Neutron has no number for is left to the server, which knows more of them, or
    refuses this group with the reason.
    """
    if protocol in (None, "any"):
        return 0
    number = int(protocol) if protocol.isdigit() else n_const.IP_PROTOCOL_MAP.get(protocol)
    if number is None:
        return protocol
    # Neutron takes `icmp` for a rule of IPv6 and means that family's.
    if is_ipv6 and number == n_const.PROTO_NUM_ICMP:
        return n_const.PROTO_NUM_IPV6_ICMP
    return number


def _order(record: Record) -> str:
    return repr(sorted(record.items()))


def address_group(addresses: Iterable[str]) -> Record:
    """The record of an address group."""
    return {"addresses": sorted(addresses)}
