"""Can a host have a port, and as what? Decided from what the host's agent says, without I/O."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from neutron_lib import constants as n_const
from neutron_lib.api.definitions import portbindings
from neutron_lib.plugins.ml2 import api

from networking_weft import constants

PHYSICAL_TYPES = (n_const.TYPE_FLAT, n_const.TYPE_VLAN)
OVERLAY_TYPES = (n_const.TYPE_VXLAN, constants.TYPE_GPE)

TAP_OWNER_PREFIXES = ("network:", "neutron:")
"""Ports of services of the cloud itself, whose processes use a kernel's device."""


@dataclass(frozen=True)
class HostAgent:
    """What Neutron has of a host's agent."""

    host: str
    configurations: dict[str, Any]
    """What the agent says of its host."""
    admin_state_up: bool
    alive: bool


@dataclass(frozen=True)
class Host:
    """What is known of a host."""

    name: str
    alive: bool
    admin_state_up: bool = True
    physnets: frozenset[str] = frozenset()
    network_types: frozenset[str] = frozenset()
    binding_types: frozenset[str] = frozenset()
    vhost_user_directory: str = ""
    vhost_user_mode: str = "client"
    """VPP's side of the sockets, ``client`` or ``server``; QEMU has the other."""


@dataclass(frozen=True)
class Wanted:
    """What is to be bound."""

    port_id: str
    vnic_type: str
    device_owner: str


@dataclass(frozen=True)
class Bound:
    """The host can have the port on this segment."""

    segment_id: str
    vif_type: str
    vif_details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Refused:
    """The host cannot have the port."""

    reason: str


def host_of_agent(agent: HostAgent, default_directory: str) -> Host:
    """The host of one of Neutron's agents. What an older one does not say, all of them have."""
    said = agent.configurations
    vhost_user = said.get("vhost_user") or {}
    return Host(
        name=agent.host,
        alive=agent.alive,
        admin_state_up=agent.admin_state_up,
        physnets=frozenset(said.get("physnets") or ()),
        network_types=frozenset(said.get("network_types") or PHYSICAL_TYPES),
        binding_types=frozenset(
            said.get("binding_types")
            or (portbindings.VIF_TYPE_TAP, portbindings.VIF_TYPE_VHOST_USER)
        ),
        vhost_user_directory=vhost_user.get("directory") or default_directory,
        vhost_user_mode=vhost_user.get("mode") or "client",
    )


def bind(
    wanted: Wanted, host: Host | None, segments: Iterable[Mapping[str, Any]]
) -> Bound | Refused:
    """Takes the first segment that the host can serve.

    With hierarchical binding ``segments`` are those of the level that is ours, so that a VLAN
    which a switch's driver allocated below its own segment is bound as any other.
    """
    vif_type = _vif_type(wanted.device_owner)
    refusal = _refusal(wanted, host, vif_type)
    if refusal or host is None:
        return Refused(refusal)
    reasons = []
    for segment in segments:
        reason = _segment_refusal(segment, host)
        if not reason:
            return Bound(segment[api.ID], vif_type, _vif_details(wanted.port_id, vif_type, host))
        reasons.append(reason)
    return Refused("; ".join(reasons) or "the network has no segment")


def _refusal(wanted: Wanted, host: Host | None, vif_type: str) -> str:
    """Why not on this host, whatever the segment; empty if nothing is against it."""
    if wanted.vnic_type != portbindings.VNIC_NORMAL:
        return f"vnic_type {wanted.vnic_type} is not served, only {portbindings.VNIC_NORMAL}"
    if host is None:
        return "the host has no Weft agent"
    if not host.alive:
        return f"the Weft agent of host {host.name} is not alive"
    if not host.admin_state_up:
        return f"the Weft agent of host {host.name} is set down"
    if vif_type not in host.binding_types:
        return f"host {host.name} does not serve {vif_type} ports"
    return ""


def _segment_refusal(segment: Mapping[str, Any], host: Host) -> str:
    network_type = segment[api.NETWORK_TYPE]
    if network_type not in PHYSICAL_TYPES + OVERLAY_TYPES:
        return f"network type {network_type} is not served"
    if network_type not in host.network_types:
        return f"host {host.name} does not serve networks of type {network_type}"
    physnet = segment[api.PHYSICAL_NETWORK]
    if network_type in PHYSICAL_TYPES and physnet not in host.physnets:
        return f"host {host.name} does not have physical network {physnet}"
    return ""


def _vif_type(device_owner: str) -> str:
    if device_owner.startswith(TAP_OWNER_PREFIXES):
        return portbindings.VIF_TYPE_TAP
    return portbindings.VIF_TYPE_VHOST_USER


def _vif_details(port_id: str, vif_type: str, host: Host) -> dict[str, Any]:
    details: dict[str, Any] = {
        portbindings.CAP_PORT_FILTER: True,
        portbindings.VIF_DETAILS_CONNECTIVITY: portbindings.CONNECTIVITY_L2,
    }
    if vif_type == portbindings.VIF_TYPE_VHOST_USER:
        qemu_listens = host.vhost_user_mode == "client"
        details[portbindings.VHOST_USER_MODE] = (
            portbindings.VHOST_USER_MODE_SERVER
            if qemu_listens
            else portbindings.VHOST_USER_MODE_CLIENT
        )
        details[portbindings.VHOST_USER_SOCKET] = f"{host.vhost_user_directory}/{port_id}"
    return details
