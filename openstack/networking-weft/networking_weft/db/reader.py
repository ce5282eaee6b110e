"""Reads many objects of Neutron's database at once: a handful of queries, however many they are.

Column by column, without Neutron's objects: this runs in the processes that answer the API, and
making ten thousand of those would cost them a minute.
"""

from collections import defaultdict
from collections.abc import Iterable
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from neutron.db.models import address_group as ag_models
from neutron.db.models import allowed_address_pair as aap_models
from neutron.db.models import securitygroup as sg_models
from neutron.db.models.segment import NetworkSegment
from neutron.db.models_v2 import IPAllocation, Network, Port
from neutron.db.port_security.models import PortSecurityBinding
from neutron.plugins.ml2.models import PortBinding, PortBindingLevel
from neutron_lib import constants as n_const
from sqlalchemy.orm import Session

from networking_weft import constants, records

Row = Any


def ports(session: Session, ids: Iterable[str]) -> dict[str, records.Port]:
    """Those of the ports that exist."""
    ids = list(ids)
    if not ids:
        return {}
    query = (
        sa.select(
            Port.id,
            Port.mac_address,
            Port.device_id,
            Port.admin_state_up,
            Port.status,
            Network.mtu,
            PortSecurityBinding.port_security_enabled,
        )
        .join(Network, Network.id == Port.network_id)
        .outerjoin(PortSecurityBinding, PortSecurityBinding.port_id == Port.id)
        .where(Port.id.in_(ids))
    )
    fixed_ips = _pairs(
        session, IPAllocation.port_id, ids, IPAllocation.subnet_id, IPAllocation.ip_address
    )
    membership = sg_models.SecurityGroupPortBinding
    groups = _pairs(session, membership.port_id, ids, membership.security_group_id)
    pair = aap_models.AllowedAddressPair
    pairs = _pairs(session, pair.port_id, ids, pair.mac_address, pair.ip_address)
    bindings = _bindings(session, ids)
    return {
        row.id: records.Port(
            id=row.id,
            mac_address=row.mac_address,
            device_id=row.device_id,
            admin_state_up=row.admin_state_up,
            status=row.status,
            mtu=row.mtu,
            # Without the extension there is no row, and Neutron means that ports are secured.
            port_security_enabled=row.port_security_enabled is not False,
            fixed_ips=tuple((subnet, str(address)) for subnet, address in fixed_ips[row.id]),
            security_groups=tuple(group for (group,) in groups[row.id]),
            allowed_address_pairs=tuple((str(mac), str(ip)) for mac, ip in pairs[row.id]),
            bindings=tuple(bindings[row.id]),
        )
        for row in session.execute(query)
    }


def _pairs(session: Session, key: Any, ids: list[str], *columns: Any) -> dict[str, list[tuple]]:
    found = defaultdict(list)
    for owner, *values in session.execute(sa.select(key, *columns).where(key.in_(ids))):
        found[owner].append(tuple(values))
    return found


def _bindings(session: Session, ids: list[str]) -> dict[str, list[records.Binding]]:
    level = PortBindingLevel
    query = (
        sa.select(
            PortBinding.port_id,
            PortBinding.host,
            PortBinding.status,
            PortBinding.vif_type,
            level.driver,
            NetworkSegment.network_type,
            NetworkSegment.physical_network,
            NetworkSegment.segmentation_id,
        )
        .outerjoin(level, (level.port_id == PortBinding.port_id) & (level.host == PortBinding.host))
        .outerjoin(NetworkSegment, NetworkSegment.id == level.segment_id)
        .where(PortBinding.port_id.in_(ids))
        .order_by(PortBinding.port_id, PortBinding.host, level.level)
    )
    found = defaultdict(list)
    for (port_id, host), levels in groupby(
        session.execute(query), key=lambda row: (row.port_id, row.host)
    ):
        *_, lowest = levels
        found[port_id].append(
            records.Binding(
                host=host,
                active=lowest.status == n_const.ACTIVE,
                vif_type=lowest.vif_type,
                driver=lowest.driver,
                network_type=lowest.network_type,
                physnet=lowest.physical_network,
                segmentation_id=lowest.segmentation_id,
            )
        )
    return found


def security_groups(session: Session, ids: Iterable[str]) -> dict[str, records.Record]:
    """The records of those of the security groups that exist."""
    ids = list(ids)
    if not ids:
        return {}
    group, rule = sg_models.SecurityGroup, sg_models.SecurityGroupRule
    rules = defaultdict(list)
    columns = (
        rule.direction,
        rule.ethertype,
        rule.protocol,
        rule.port_range_min,
        rule.port_range_max,
        rule.remote_ip_prefix,
        rule.remote_group_id,
        rule.remote_address_group_id,
    )
    query = sa.select(rule.security_group_id, *columns).where(rule.security_group_id.in_(ids))
    for owner, *values in session.execute(query):
        rules[owner].append(records.Rule(*values))
    found = session.execute(sa.select(group.id, group.stateful).where(group.id.in_(ids)))
    return {
        group_id: records.security_group(stateful is not False, rules[group_id])
        for group_id, stateful in found
    }


def address_groups(session: Session, ids: Iterable[str]) -> dict[str, records.Record]:
    """The records of those of the address groups that exist."""
    ids = list(ids)
    if not ids:
        return {}
    association = ag_models.AddressAssociation
    addresses = _pairs(session, association.address_group_id, ids, association.address)
    group = ag_models.AddressGroup
    found = session.scalars(sa.select(group.id).where(group.id.in_(ids)))
    return {
        group_id: records.address_group(str(address) for (address,) in addresses[group_id])
        for group_id in found
    }


_MODELS = {
    constants.PORT: Port,
    constants.SECURITY_GROUP: sg_models.SecurityGroup,
    constants.ADDRESS_GROUP: ag_models.AddressGroup,
}


def page(session: Session, kind: str, after: str, size: int) -> list[str]:
    """The identifiers of the objects of a kind that follow ``after``, ``size`` of them."""
    model = _MODELS[kind]
    query = sa.select(model.id).where(model.id > after).order_by(model.id).limit(size)
    return list(session.scalars(query))
