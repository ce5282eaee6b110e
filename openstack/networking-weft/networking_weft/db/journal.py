"""The journal: one row an object, with the revision that the store shall have of it.

Life of a row: :func:`note` makes it due, in the transaction that changed the object. A drainer
takes a batch with :func:`claim`, reads the objects *after* that, carries them out, and tells with
:func:`settle` what became of each. A change in between raises the revision and takes the claim
away, so that settling leaves the row due. A drainer that dies leaves its rows claimed; they become
due again by themselves. Two drainers at one object do no harm: the store takes the higher revision.
"""

import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import sqlalchemy as sa
from neutron.db.models_v2 import Port
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session

from networking_weft.db.models import JournalRow

_T = JournalRow.__table__
ERROR_LENGTH = 1024


@dataclass(frozen=True)
class Claimed:
    """A row that a drainer has taken."""

    object_id: str
    kind: str
    revision: int
    tries: int


@dataclass(frozen=True)
class Batch:
    """Rows taken together."""

    claim: str
    rows: tuple[Claimed, ...]


@dataclass
class Verdicts:
    """What became of a batch."""

    done: list[str] = field(default_factory=list)
    """The store has it."""
    gone: list[str] = field(default_factory=list)
    """The same, and Neutron has the object no more."""
    failed: dict[str, tuple[float, str]] = field(default_factory=dict)
    """When to try it again, and why it failed."""
    outrun: dict[str, int] = field(default_factory=dict)
    """The store has this higher revision. Unless the row has risen, too, this journal never gave
    it out (the database was restored from a backup), and has to go beyond it."""


@dataclass(frozen=True)
class Figures:
    """The journal at a glance."""

    rows: int
    waiting: int
    failing: int
    oldest: float
    """Seconds that the oldest waiting change has been waiting; 0 if none is."""


def note(
    connection: Connection,
    created: Mapping[str, str],
    changed: Mapping[str, str],
    networks: Iterable[str] = (),
) -> None:
    """Notes what a transaction does, in that transaction.

    ``created`` and ``changed`` are kinds by object. What is created and has nothing the store could
    want yet gets a row that is not due, so that later changes find theirs: an UPDATE that finds no
    row would lock a gap of the index, in which concurrent creations then wait for each other.
    """
    now = time.time()
    due = {"due": now, "since": now}
    new = [
        {"object_id": object_id, "object_type": kind, "revision": 1, "tries": 0}
        | (due if object_id in changed else {"due": None, "since": None})
        for object_id, kind in sorted(created.items())
    ]
    if new:
        connection.execute(sa.insert(_T), new)
    for object_id, kind in sorted(changed.items()):
        if object_id not in created:
            _change(connection, object_id, kind, now)
    for network_id in sorted(networks):
        ports = sa.select(Port.id).where(Port.network_id == network_id)
        connection.execute(_raise(now).where(_T.c.object_id.in_(ports)))


def _raise(now: float) -> sa.Update:
    return sa.update(_T).values(
        revision=_T.c.revision + 1,
        due=now,
        claim=None,
        tries=0,
        since=sa.func.coalesce(_T.c.since, now),
    )


def _change(connection: Connection, object_id: str, kind: str, now: float) -> None:
    raised = connection.execute(_raise(now).where(_T.c.object_id == object_id))
    if raised.rowcount == 0:
        # Older than the driver, and not met by a full comparison yet. Two that insert it at a
        # time are told apart by the key; the API tries the later one again.
        connection.execute(
            sa.insert(_T).values(
                object_id=object_id, object_type=kind, revision=1, due=now, since=now, tries=0
            )
        )


def claim(session: Session, limit: int, claim_time: float) -> Batch:
    """Takes up to ``limit`` due rows for ``claim_time`` seconds. In a transaction of its own."""
    now = time.time()
    token = uuid.uuid4().hex
    due = session.execute(_CLAIMED.where(_T.c.due <= now).order_by(_T.c.due).limit(limit)).all()
    if not due:
        return Batch(token, ())
    ids = sorted(row.object_id for row in due)
    taken = session.execute(
        sa.update(_T)
        .where(_T.c.object_id.in_(ids), _T.c.due <= now)
        .values(claim=token, due=now + claim_time)
    )
    if taken.rowcount != len(ids):
        # Others took some of them. Locking, to see what the UPDATE saw and no older snapshot.
        mine = _CLAIMED.where(_T.c.object_id.in_(ids), _T.c.claim == token)
        due = session.execute(mine.with_for_update()).all()
    return Batch(token, tuple(Claimed(*row) for row in due))


_CLAIMED = sa.select(_T.c.object_id, _T.c.object_type, _T.c.revision, _T.c.tries)


def revisions(session: Session, ids: Iterable[str]) -> dict[str, int]:
    """The present revisions, to be read before the objects themselves."""
    rows = session.execute(
        sa.select(_T.c.object_id, _T.c.revision).where(_T.c.object_id.in_(list(ids)))
    )
    return dict(rows.all())


def settle(session: Session, batch: Batch, verdicts: Verdicts) -> None:
    """Tells what became of a batch. Rows that have changed meanwhile stay as they are."""
    mine = _T.c.claim == batch.claim
    if verdicts.done:
        session.execute(
            sa.update(_T)
            .where(_T.c.object_id.in_(sorted(verdicts.done)), mine)
            .values(due=None, claim=None, since=None, tries=0, error=None)
        )
    if verdicts.gone:
        session.execute(sa.delete(_T).where(_T.c.object_id.in_(sorted(verdicts.gone)), mine))
    for object_id, (due, error) in sorted(verdicts.failed.items()):
        session.execute(
            sa.update(_T)
            .where(_T.c.object_id == object_id, mine)
            .values(due=due, claim=None, tries=_T.c.tries + 1, error=error[:ERROR_LENGTH])
        )
    for object_id, theirs in sorted(verdicts.outrun.items()):
        session.execute(
            sa.update(_T)
            .where(_T.c.object_id == object_id, mine, _T.c.revision < theirs)
            .values(revision=theirs + 1, due=time.time(), claim=None)
        )


def repair(session: Session, kind: str, object_id: str, above: int) -> None:
    """Has an object carried out once more, with a revision higher than ``above``."""
    now = time.time()
    changed = session.execute(
        sa.update(_T)
        .where(_T.c.object_id == object_id)
        .values(
            revision=sa.case((_T.c.revision <= above, above + 1), else_=_T.c.revision + 1),
            due=now,
            claim=None,
            since=sa.func.coalesce(_T.c.since, now),
        )
    )
    if changed.rowcount == 0:
        session.execute(
            sa.insert(_T).values(
                object_id=object_id,
                object_type=kind,
                revision=above + 1,
                due=now,
                since=now,
                tries=0,
            )
        )


def retry_now(session: Session) -> int:
    """Makes everything that waits due at once. Returns how many rows that are."""
    waiting = sa.update(_T).where(_T.c.due.is_not(None)).values(due=time.time(), claim=None)
    return session.execute(waiting).rowcount


def figures(session: Session) -> Figures:
    """The journal at a glance."""
    waiting = _T.c.due.is_not(None)
    rows, count, failing, oldest = session.execute(
        sa.select(
            sa.func.count(),
            sa.func.count(_T.c.due),
            sa.func.count(sa.case((waiting & (_T.c.tries > 0), 1))),
            sa.func.min(_T.c.since),
        )
    ).one()
    age = max(0.0, time.time() - oldest) if count and oldest is not None else 0.0
    return Figures(rows=rows, waiting=count, failing=failing, oldest=age)


def waiting(session: Session, limit: int) -> list[JournalRow]:
    """The rows that wait, those that wait longest first."""
    query = sa.select(JournalRow).where(JournalRow.due.is_not(None))
    return list(session.scalars(query.order_by(JournalRow.since).limit(limit)))
