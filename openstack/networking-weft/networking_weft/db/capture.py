"""Notes in the journal what a database transaction changes, as part of that transaction.

Listens to SQLAlchemy's sessions, as Neutron's own revision plugin does, not to the mechanism
driver's methods: those are not called for a binding that is made, changed or removed besides the
active one (live migration), nor is there an event inside the transaction of an address group.
What a session flushes is gathered, and written once, right before the commit. So a change and
its row are committed together or not at all, however the process ends.
"""

from collections.abc import Callable, Iterable
from typing import Any

from neutron.db.models import address_group as ag_models
from neutron.db.models import allowed_address_pair as aap_models
from neutron.db.models import securitygroup as sg_models
from neutron.db.models import segment as segment_models
from neutron.db.models_v2 import IPAllocation, Network, Port
from neutron.db.port_security import models as ps_models
from neutron.plugins.ml2 import models as ml2_models
from neutron_lib.db import api as db_api
from sqlalchemy import inspect
from sqlalchemy.orm import Session

from networking_weft import constants
from networking_weft.db import journal

_KEY = "networking_weft_touched"

_PORT_FIELDS = ("mac_address", "device_id", "admin_state_up")
_SECURITY_GROUP_FIELDS = ("stateful",)
_NETWORK_FIELDS = ("mtu",)
_SEGMENT_FIELDS = ("segmentation_id", "physical_network", "network_type")


class Touched:
    """What a transaction concerns."""

    def __init__(self) -> None:
        self.created: dict[str, str] = {}
        """Kinds of objects that nothing but this transaction has seen."""
        self.changed: dict[str, str] = {}
        """Kinds of objects that the store may have to be told of."""
        self.port_parts: set[str] = set()
        """Ports of which a part changed that matters only once the port is bound."""
        self.networks: set[str] = set()
        """Networks of which their ports' records are made."""

    def due(self) -> dict[str, str]:
        """What the store has to be told of. A port that is new needs a binding for that."""
        older = self.port_parts - self.created.keys()
        return self.changed | dict.fromkeys(older, constants.PORT)


def _port(touched: Touched, port: Port, fate: str) -> None:
    if fate == "new":
        touched.created[port.id] = constants.PORT
    elif fate == "deleted" or _differs(port, _PORT_FIELDS):
        touched.changed[port.id] = constants.PORT


def _part_of_port(touched: Touched, part: Any, _fate: str) -> None:
    # An address may be allocated for nobody.
    if part.port_id:
        touched.port_parts.add(part.port_id)


def _binding_level(touched: Touched, level: ml2_models.PortBindingLevel, _fate: str) -> None:
    touched.changed[level.port_id] = constants.PORT


def _security_group(touched: Touched, group: sg_models.SecurityGroup, fate: str) -> None:
    _group(touched, constants.SECURITY_GROUP, group, fate, _SECURITY_GROUP_FIELDS)


def _rule(touched: Touched, rule: sg_models.SecurityGroupRule, _fate: str) -> None:
    touched.changed[rule.security_group_id] = constants.SECURITY_GROUP


def _address_group(touched: Touched, group: ag_models.AddressGroup, fate: str) -> None:
    _group(touched, constants.ADDRESS_GROUP, group, fate, ())


def _group(touched: Touched, kind: str, group: Any, fate: str, fields: Iterable[str]) -> None:
    if fate == "new":
        touched.created[group.id] = kind
    if fate != "dirty" or _differs(group, fields):
        touched.changed[group.id] = kind


def _group_address(touched: Touched, association: ag_models.AddressAssociation, _fate: str) -> None:
    touched.changed[association.address_group_id] = constants.ADDRESS_GROUP


def _network(touched: Touched, network: Network, fate: str) -> None:
    if fate == "dirty" and _differs(network, _NETWORK_FIELDS):
        touched.networks.add(network.id)


def _segment(touched: Touched, segment: segment_models.NetworkSegment, fate: str) -> None:
    if fate == "dirty" and _differs(segment, _SEGMENT_FIELDS):
        touched.networks.add(segment.network_id)


_CONCERNS: dict[type, Callable[[Touched, Any, str], None]] = {
    Port: _port,
    IPAllocation: _part_of_port,
    sg_models.SecurityGroupPortBinding: _part_of_port,
    aap_models.AllowedAddressPair: _part_of_port,
    ps_models.PortSecurityBinding: _part_of_port,
    ml2_models.PortBinding: _part_of_port,
    ml2_models.PortBindingLevel: _binding_level,
    sg_models.SecurityGroup: _security_group,
    sg_models.SecurityGroupRule: _rule,
    ag_models.AddressGroup: _address_group,
    ag_models.AddressAssociation: _group_address,
    Network: _network,
    segment_models.NetworkSegment: _segment,
}


def _differs(obj: Any, fields: Iterable[str] | None = None) -> bool:
    """Whether any of these columns, or any at all, got another value.

    That an object is dirty says less: Neutron sets many a column to what it was.
    """
    state = inspect(obj)
    if fields is None:
        fields = state.mapper.column_attrs.keys()
    return any(state.attrs[name].history.has_changes() for name in fields)


def gather(session: Session, _flush_context: object) -> None:
    """Session event ``after_flush``: the history of what was flushed can still be read."""
    for fate, objects in (
        ("new", session.new),
        ("dirty", session.dirty),
        ("deleted", session.deleted),
    ):
        for obj in objects:
            concern = _CONCERNS.get(type(obj))
            if concern is not None and (fate != "dirty" or _differs(obj)):
                concern(session.info.setdefault(_KEY, Touched()), obj, fate)


def write(session: Session) -> None:
    """Session event ``before_commit``."""
    if session.in_nested_transaction():
        return  # a savepoint's; the transaction's own commit is still to come
    session.flush()
    touched: Touched | None = session.info.pop(_KEY, None)
    if touched is not None:
        due = touched.due()
        journal.note(session.connection(), touched.created, due, touched.networks)
        if due or touched.networks:
            session.info[_KEY + "_woken"] = True


def forget(session: Session) -> None:
    """Session event ``after_rollback``."""
    session.info.pop(_KEY, None)
    session.info.pop(_KEY + "_woken", None)


def listen(wake: Callable[[], None]) -> None:
    """Begins to note; ``wake`` is called after each commit that left something to do.

    The listeners are registered with neutron-lib so that its test base takes them off again.
    """

    def woken(session: Session) -> None:
        if session.info.pop(_KEY + "_woken", None):
            wake()

    db_api.sqla_listen(Session, "after_flush", gather)
    db_api.sqla_listen(Session, "before_commit", write)
    db_api.sqla_listen(Session, "after_commit", woken)
    db_api.sqla_listen(Session, "after_rollback", forget)
