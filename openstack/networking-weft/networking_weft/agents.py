"""Hosts as Neutron's agents, so that ``openstack network agent list`` tells the truth.

An agent is alive exactly while its host's key in the store is, whose lease the agent keeps. Its
``admin_state_up`` is the operator's: set down, the host gets no new bindings.
"""

import datetime
import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from neutron.db.models.agent import Agent
from neutron_lib import context as n_context
from neutron_lib.db import api as db_api
from neutron_lib.plugins import directory
from oslo_config import cfg
from oslo_log import log as logging
from oslo_utils import timeutils

from networking_weft import constants
from networking_weft.binding import HostAgent

LOG = logging.getLogger(__name__)

Configurations = dict[str, Any]

_SAID = ("version", "vpp", "network_types", "binding_types", "underlay", "vhost_user", "started_at")


def configurations(value: Any, physnets: tuple[str, ...]) -> Configurations:
    """What Neutron shall know of a host: what its agent says of itself. Pure.

    ``value`` is the host's ``alive`` record; of an older agent it is no object and says nothing.
    """
    said = value if isinstance(value, dict) else {}
    known = {name: said[name] for name in _SAID if said.get(name) is not None}
    return known | {"physnets": list(physnets)}


class Registry:
    """Keeps the rows of ``agents``. Belongs to the leader's thread."""

    def refresh(self, hosts: Mapping[str, tuple[Any, tuple[str, ...]]]) -> None:
        """Says that these hosts live, and no others."""
        wanted = {host: configurations(*facts) for host, facts in hosts.items()}
        known = _known()
        for host, said in wanted.items():
            row = known.get(host)
            # Neutron tries bindings that failed again when an agent is registered as one that
            # was dead.
            if row is None or not row.alive or row.configurations != said:
                self._register(host, said, is_new=row is None)
        _beat(wanted.keys() & known.keys())
        _silence({host for host, row in known.items() if host not in wanted and row.alive})

    def _register(self, host: str, said: Configurations, is_new: bool) -> None:
        LOG.info("Host %s %s: %s", host, "has come" if is_new else "has changed", said)
        state = {
            "agent_type": constants.AGENT_TYPE,
            "binary": constants.AGENT_BINARY,
            "host": host,
            "topic": "N/A",
            "configurations": said,
            "start_flag": is_new,
        }
        context = n_context.get_admin_context()
        directory.get_plugin().create_or_update_agent(context, state, timeutils.utcnow())


def _down_time() -> datetime.timedelta:
    return datetime.timedelta(seconds=cfg.CONF.agent_down_time)


def find(context: n_context.Context, host: str) -> HostAgent | None:
    """The agent of a host. One query for three columns: each binding of a port waits for it."""
    with db_api.CONTEXT_READER.using(context):
        row = context.session.execute(_COLUMNS.where(Agent.host == host)).one_or_none()
    return _row(row) if row else None


def _known() -> dict[str, HostAgent]:
    context = n_context.get_admin_context()
    with db_api.CONTEXT_READER.using(context):
        return {row.host: _row(row) for row in context.session.execute(_COLUMNS)}


_COLUMNS = sa.select(
    Agent.host, Agent.configurations, Agent.admin_state_up, Agent.heartbeat_timestamp
).where(Agent.agent_type == constants.AGENT_TYPE)


def _row(row: Any) -> HostAgent:
    try:
        said = json.loads(row.configurations)
    except ValueError:
        said = {}
    alive = timeutils.utcnow() - row.heartbeat_timestamp <= _down_time()
    return HostAgent(row.host, said, row.admin_state_up, alive)


def _beat(hosts: set[str]) -> None:
    _set_heartbeat(hosts, timeutils.utcnow())


def _silence(hosts: set[str]) -> None:
    """Has agents count as dead at once, not after ``agent_down_time``."""
    if hosts:
        LOG.warning("Agents are gone: %s", ", ".join(sorted(hosts)))
    _set_heartbeat(hosts, timeutils.utcnow() - _down_time() - datetime.timedelta(seconds=1))


@db_api.retry_db_errors
def _set_heartbeat(hosts: set[str], when: datetime.datetime) -> None:
    if not hosts:
        return
    context = n_context.get_admin_context()
    with db_api.CONTEXT_WRITER.using(context):
        context.session.execute(
            sa.update(Agent)
            .where(Agent.agent_type == constants.AGENT_TYPE, Agent.host.in_(sorted(hosts)))
            .values(heartbeat_timestamp=when)
            .execution_options(synchronize_session=False)
        )
