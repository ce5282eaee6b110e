"""Tells Neutron which ports work. What to tell is decided without I/O.

A port is ACTIVE while it is effective on the host of its active binding. Neutron's own notifier
tells Nova of that. A port that becomes effective on a host that its machine is about to move to
changes no status; there Nova is told directly, which is what it waits for before it migrates.
"""

import enum
from collections.abc import Callable, Iterable, Mapping

import sqlalchemy as sa
from neutron.db import provisioning_blocks
from neutron.db.models.provisioning_block import ProvisioningBlock
from neutron.db.models_v2 import Port
from neutron.plugins.ml2.models import PortBinding, PortBindingLevel
from neutron_lib import constants as n_const
from neutron_lib import context as n_context
from neutron_lib.callbacks import resources
from neutron_lib.db import api as db_api
from neutron_lib.plugins import directory
from oslo_config import cfg
from oslo_db import exception as db_exc
from oslo_log import log as logging

from networking_weft import constants, records
from networking_weft.db import conditions, reader
from networking_weft.db.conditions import Condition
from networking_weft.world import Said, World

LOG = logging.getLogger(__name__)


class Verdict(enum.Enum):
    """What to tell Neutron of a port."""

    UP = "up"
    DOWN = "down"
    NOTHING = "nothing"


def verdict(port: records.Port, said: Mapping[str, Said], alive: Iterable[str]) -> Verdict:
    """Compares the status that a port has with what its host says.

    A host whose agent does not live says nothing: packets may well pass there.
    """
    binding = active_binding(port)
    if binding is None:
        return Verdict.NOTHING
    effective = said.get(binding.host, Said()).effective
    is_active = port.status == n_const.PORT_STATUS_ACTIVE
    if effective and port.admin_state_up and not is_active:
        return Verdict.UP
    if is_active and not effective and binding.host in alive:
        return Verdict.DOWN
    return Verdict.NOTHING


def condition(
    port: records.Port, said: Mapping[str, Said], known: Condition | None
) -> Condition | None:
    """What the API shall tell of a port."""
    binding = active_binding(port)
    if binding is None:
        return known if known and known.status == conditions.REFUSED else None
    on_host = said.get(binding.host, Said())
    if on_host.status and on_host.reason:
        reason = on_host.reason[: conditions.REASON_LENGTH]
        return Condition(binding.host, on_host.status, reason)
    return None


def active_binding(port: records.Port) -> records.Binding | None:
    """The binding that says where the port's machine runs, if it is ours."""
    return next((b for b in port.bindings if b.active and records.is_ours(b)), None)


def awaited(port: records.Port, said: Mapping[str, Said]) -> frozenset[str]:
    """Hosts that a machine is about to move to, and on which its port works already."""
    return frozenset(
        b.host
        for b in port.bindings
        if not b.active and records.is_ours(b) and said.get(b.host, Said()).effective
    )


class Reporter:
    """Deals with marked ports. Belongs to the leader's thread."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._told: dict[str, frozenset[str]] = {}
        """Hosts of which Nova knows that a machine may move there."""

    def report(self, ids: list[str]) -> None:
        """Looks at these ports and tells Neutron what is not so yet."""
        alive = self._world.hosts().keys()
        context = n_context.get_admin_context()
        with db_api.CONTEXT_READER.using(context):
            ports = reader.ports(context.session, ids)
            known = conditions.of_ports(context.session, ids)
        verdicts: dict[Verdict, list[str]] = {it: [] for it in Verdict}
        news: dict[str, Condition | None] = {}
        for port in ports.values():
            said = self._world.said(port.id)
            verdicts[verdict(port, said, alive)].append(port.id)
            self._tell_nova(port, awaited(port, said))
            now = condition(port, said, known.get(port.id))
            if now != known.get(port.id):
                news[port.id] = now
        _each(ports_up, verdicts[Verdict.UP])
        _each(ports_down, verdicts[Verdict.DOWN])
        conditions.set_many(news)

    def _tell_nova(self, port: records.Port, ready: frozenset[str]) -> None:
        new = ready - self._told.get(port.id, frozenset())
        if ready:
            self._told[port.id] = ready
        else:
            self._told.pop(port.id, None)
        if new:
            LOG.info("Port %s is ready for its machine on %s", port.id, ", ".join(sorted(new)))
            port_ready_elsewhere(port.id)

    def reconcile(self) -> None:
        """Marks ports whose status is not what hosts say, whatever has been missed."""
        alive = self._world.hosts().keys()
        marked = set()
        for port_id, is_active, admin_up, host in _bound_ports():
            effective = self._world.is_effective(host, port_id)
            comes = effective and admin_up and not is_active
            goes = is_active and not effective and host in alive
            if comes or goes:
                marked.add(port_id)
        if marked:
            self._world.mark(marked)


def _bound_ports() -> list[tuple[str, bool, bool, str]]:
    binding, level = PortBinding, PortBindingLevel
    query = (
        sa.select(
            Port.id, Port.status == n_const.PORT_STATUS_ACTIVE, Port.admin_state_up, binding.host
        )
        .join(binding, binding.port_id == Port.id)
        .join(level, (level.port_id == Port.id) & (level.host == binding.host))
        .where(binding.status == n_const.ACTIVE, level.driver == constants.DRIVER)
    )
    context = n_context.get_admin_context()
    with db_api.CONTEXT_READER.using(context):
        return [tuple(row) for row in context.session.execute(query)]


def _each(tell: Callable[[list[str]], None], ids: list[str]) -> None:
    """Tells Neutron of all of these; one that it cannot take is no hindrance for others.

    The next comparison of all ports comes back to that one.
    """
    if not ids:
        return
    try:
        tell(ids)
    except db_exc.DBConnectionError:
        raise  # no port's fault
    except Exception:
        if len(ids) == 1:
            LOG.exception("Neutron cannot be told of port %s.", ids[0])
        else:
            for port_id in ids:
                _each(tell, [port_id])


def ports_up(ids: list[str]) -> None:
    """The network is done with these ports: ACTIVE, unless DHCP or others are not.

    As ``provisioning_blocks.provisioning_complete`` of each, with one look at the database.
    """
    context = n_context.get_admin_context()
    with db_api.CONTEXT_READER.using(context):
        known = context.session.execute(
            sa.select(Port.id, ProvisioningBlock.standard_attr_id, ProvisioningBlock.entity)
            .outerjoin(
                ProvisioningBlock, ProvisioningBlock.standard_attr_id == Port.standard_attr_id
            )
            .where(Port.id.in_(ids))
        ).all()
    entity = provisioning_blocks.L2_AGENT_ENTITY
    _remove_blocks([row.standard_attr_id for row in known if row.entity == entity])
    waiting = {row.id for row in known if row.entity not in (None, entity)}
    ready = sorted({row.id for row in known} - waiting)
    directory.get_plugin().update_port_statuses(
        context, dict.fromkeys(ready, n_const.PORT_STATUS_ACTIVE)
    )


@db_api.retry_db_errors
def _remove_blocks(standard_attr_ids: list[int]) -> None:
    if not standard_attr_ids:
        return
    context = n_context.get_admin_context()
    # By their keys, which locks them and nothing between them.
    ours = sa.delete(ProvisioningBlock).where(
        ProvisioningBlock.standard_attr_id.in_(sorted(standard_attr_ids)),
        ProvisioningBlock.entity == provisioning_blocks.L2_AGENT_ENTITY,
    )
    with db_api.CONTEXT_WRITER.using(context):
        context.session.execute(ours.execution_options(synchronize_session=False))


def ports_down(ids: list[str]) -> None:
    """These ports work no more."""
    context = n_context.get_admin_context()
    for port_id in ids:
        # First, so that nobody makes it ACTIVE in between.
        provisioning_blocks.add_provisioning_component(
            context, port_id, resources.PORT, provisioning_blocks.L2_AGENT_ENTITY
        )
    directory.get_plugin().update_port_statuses(
        context, dict.fromkeys(ids, n_const.PORT_STATUS_DOWN)
    )


def port_ready_elsewhere(port_id: str) -> None:
    """Tells Nova that the port works where its machine shall go."""
    notifier = getattr(directory.get_plugin(), "nova_notifier", None)
    if notifier is None or not cfg.CONF.notify_nova_on_port_status_changes:
        return
    context = n_context.get_admin_context()
    with db_api.CONTEXT_READER.using(context):
        port = context.session.get(Port, port_id)
        if port is not None:
            notifier.notify_port_active_direct(port)
