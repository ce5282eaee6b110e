"""VXLAN network identifiers in use, one row each.

A free one is found by guessing: as long as half of them are free, two guesses do on average. When
several guesses fail, the first gap after a random place is asked for, which the index of the
primary key answers.
"""

import random

import sqlalchemy as sa
from neutron.db.models.segment import NetworkSegment
from neutron_lib import context as n_context
from neutron_lib.db import api as db_api
from sqlalchemy.orm import Session

from networking_weft import constants, vni_ranges
from networking_weft.db.models import GpeAllocation

_T = GpeAllocation.__table__

GUESSES = 4

_random = random.SystemRandom()


def take(context: n_context.Context, vni: int) -> bool:
    """Takes one; false if it is in use. Part of the caller's transaction, if there is one.

    Of two that take the same one at a time the later one's transaction fails by the primary key,
    and Neutron does it again.
    """
    with db_api.CONTEXT_WRITER.using(context):
        session = context.session
        if session.execute(sa.select(_T.c.vni).where(_T.c.vni == vni)).first():
            return False
        session.execute(sa.insert(_T).values(vni=vni))
    return True


def take_any(context: n_context.Context, ranges: vni_ranges.Ranges) -> int | None:
    """Takes a free one of ``ranges``; ``None`` if there is none."""
    size = vni_ranges.size(ranges)
    if size == 0:
        return None
    for _ in range(GUESSES):
        vni = vni_ranges.nth(ranges, _random.randrange(size))
        if take(context, vni):
            return vni
    start = vni_ranges.nth(ranges, _random.randrange(size))
    with db_api.CONTEXT_WRITER.using(context):
        vni = _gap(context.session, vni_ranges.from_here(ranges, start))
        return vni if vni is not None and take(context, vni) else None


def _gap(session: Session, ranges: list[tuple[int, int]]) -> int | None:
    for low, high in ranges:
        if session.execute(sa.select(_T.c.vni).where(_T.c.vni == low)).first() is None:
            return low
        after = _T.alias()
        follower_is_free = ~sa.exists().where(after.c.vni == _T.c.vni + 1)
        gap = session.scalar(
            sa.select(_T.c.vni + 1)
            .where(_T.c.vni >= low, _T.c.vni < high, follower_is_free)
            .order_by(_T.c.vni)
            .limit(1)
        )
        if gap is not None:
            return gap
    return None


def release(session: Session, vni: int) -> None:
    """Makes one free."""
    session.execute(sa.delete(_T).where(_T.c.vni == vni))


def adopt(session: Session) -> int:
    """Takes those that networks have already, such as networking-vpp's. Returns how many."""
    segment = NetworkSegment
    known = sa.select(_T.c.vni)
    used = session.scalars(
        sa.select(segment.segmentation_id)
        .where(
            segment.network_type == constants.TYPE_GPE,
            segment.segmentation_id.is_not(None),
            segment.segmentation_id.not_in(known),
        )
        .distinct()
    ).all()
    if used:
        session.execute(sa.insert(_T), [{"vni": vni} for vni in used])
    return len(used)
