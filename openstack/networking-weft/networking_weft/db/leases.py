"""Who does what only one worker may do, decided by the database without any clock in common.

The holder of a lease raises its ``beat`` now and then. Another one that has seen the same beat for
the whole time of the lease, by its own clock, takes the lease over. The holder stops by itself
when it could not raise the beat for that long.
"""

import time
from collections.abc import Callable

import sqlalchemy as sa
from neutron_lib import context as n_context
from neutron_lib.db import api as db_api
from oslo_db import exception as db_exc
from sqlalchemy.orm import Session

from networking_weft.db.models import Lease

_T = Lease.__table__


class Candidate:
    """One that holds a lease, or would."""

    def __init__(
        self, name: str, holder: str, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._name = name
        self._holder = holder
        self._seconds = seconds
        self._clock = clock
        self._seen: tuple[str, int] | None = None
        self._seen_at = 0.0
        self._beat: int | None = None
        self._raised_at = 0.0

    @property
    def holds(self) -> bool:
        """Whether nobody else can have taken the lease."""
        return self._beat is not None and self._clock() - self._raised_at < self._seconds

    def hold(self) -> bool:
        """Keeps the lease, or tries to get it. To be called a few times in its duration."""
        at = self._clock()
        context = n_context.get_admin_context()
        try:
            with db_api.CONTEXT_WRITER.using(context):
                beat = self._raise(context.session, at)
        except db_exc.DBDuplicateEntry:
            beat = None
        self._beat = beat
        if beat is not None:
            self._raised_at = at
        return beat is not None

    def release(self) -> None:
        """Lets others have it at once."""
        if self._beat is None:
            return
        context = n_context.get_admin_context()
        with db_api.CONTEXT_WRITER.using(context):
            context.session.execute(
                sa.delete(_T).where(_T.c.name == self._name, _T.c.holder == self._holder)
            )
        self._beat = None

    def _raise(self, session: Session, at: float) -> int | None:
        row = session.execute(
            sa.select(_T.c.holder, _T.c.beat).where(_T.c.name == self._name)
        ).one_or_none()
        if row is None:
            session.execute(sa.insert(_T).values(name=self._name, holder=self._holder, beat=1))
            return 1
        seen = (row.holder, row.beat)
        if row.holder != self._holder and not self._has_expired(seen, at):
            return None
        raised = session.execute(
            sa.update(_T)
            .where(_T.c.name == self._name, _T.c.holder == row.holder, _T.c.beat == row.beat)
            .values(holder=self._holder, beat=row.beat + 1)
        )
        return row.beat + 1 if raised.rowcount else None

    def _has_expired(self, seen: tuple[str, int], at: float) -> bool:
        if seen != self._seen:
            self._seen, self._seen_at = seen, at
        return at - self._seen_at >= self._seconds


def holders(session: Session) -> dict[str, str]:
    """Who holds what, as far as the database knows."""
    return dict(session.execute(sa.select(_T.c.name, _T.c.holder)).all())
