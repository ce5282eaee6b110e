"""Why ports do not work, for the API's attribute ``weft:status``."""

import time
from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa
from neutron_lib import context as n_context
from neutron_lib.db import api as db_api
from oslo_db import exception as db_exc
from sqlalchemy.orm import Session

from networking_weft.db.models import PortCondition

_T = PortCondition.__table__
REASON_LENGTH = 1024
REFUSED = "refused"
"""Status of a port that no host could be found for among those it was asked for."""


@dataclass(frozen=True)
class Condition:
    """Why a port does not work on a host."""

    host: str
    status: str
    reason: str


def of_ports(session: Session, ids: Iterable[str]) -> dict[str, Condition]:
    """Those that there are."""
    query = sa.select(_T.c.port_id, _T.c.host, _T.c.status, _T.c.reason)
    rows = session.execute(query.where(_T.c.port_id.in_(list(ids))))
    return {row.port_id: Condition(row.host, row.status, row.reason) for row in rows}


def set_one(session: Session, port_id: str, condition: Condition | None) -> None:
    """Makes ``condition`` the port's, or takes away what there is."""
    if condition is None:
        session.execute(sa.delete(_T).where(_T.c.port_id == port_id))
        return
    values = {
        "host": condition.host,
        "status": condition.status,
        "reason": condition.reason[:REASON_LENGTH],
        "since": time.time(),
    }
    changed = session.execute(sa.update(_T).where(_T.c.port_id == port_id).values(**values))
    if changed.rowcount == 0:
        session.execute(sa.insert(_T).values(port_id=port_id, **values))


@db_api.retry_db_errors
def set_many(conditions: dict[str, Condition | None]) -> None:
    """The same for several ports. Those that are gone meanwhile are passed over."""
    for port_id, condition in sorted(conditions.items()):
        context = n_context.get_admin_context()
        try:
            with db_api.CONTEXT_WRITER.using(context):
                set_one(context.session, port_id, condition)
        except db_exc.DBReferenceError:
            continue


def refuse(port_id: str, host: str, reason: str) -> bool:
    """Notes why a host cannot have a port. Returns whether that is news."""
    condition = Condition(host, REFUSED, reason[:REASON_LENGTH])
    context = n_context.get_admin_context()
    with db_api.CONTEXT_READER.using(context):
        known = of_ports(context.session, [port_id]).get(port_id)
    if known == condition:
        return False
    set_many({port_id: condition})
    return True
