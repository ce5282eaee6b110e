"""Compares all of Neutron's database with the store, and repairs what differs.

The server judges whether a record says what it should, by being asked what it *would* do. Nothing
is written here: to repair an object is to make its journal row due, with a revision that the store
does not have yet. So a repair cannot run into a change that happens at the same time, and an object
with a change under way is left to the journal to begin with.
"""

import collections
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from neutron.plugins.ml2.models import PortBindingLevel
from neutron_lib import context as n_context
from neutron_lib.db import api as db_api
from oslo_log import log as logging

from networking_weft import constants, records
from networking_weft.client import Client
from networking_weft.db import journal, reader
from networking_weft.db.models import JournalRow

LOG = logging.getLogger(__name__)

PAGE = 500
"""As many items as the server takes at a time."""

_T = JournalRow.__table__


@dataclass(frozen=True, order=True)
class Difference:
    """An object that is not in the store as Neutron has it."""

    kind: str
    object_id: str
    what: str
    """``missing``, ``different``, ``left over``, ``foreign`` or ``invalid``."""
    revision: int
    """What the store has."""
    detail: str = ""


@dataclass
class Report:
    """What a comparison found."""

    compared: collections.Counter[str] = field(default_factory=collections.Counter)
    under_way: int = 0
    """Objects left to the journal."""
    differences: list[Difference] = field(default_factory=list)
    adopted_bindings: int = 0

    @property
    def in_step(self) -> bool:
        """Whether nothing differs."""
        return not self.differences


@dataclass(frozen=True)
class _Standing:
    revision: int | None
    has_hosts: bool


_Key = tuple[str, str]


class Comparison:
    """One comparison. Belongs to one thread."""

    def __init__(self, client: Client, pause: Callable[[], None] = lambda: None) -> None:
        """``pause`` is called between pages, so that others come to their turn."""
        self._client = client
        self._pause = pause

    def run(self) -> Report:
        """Compares everything."""
        report = Report()
        standing = {
            (item["kind"], item["id"]): _Standing(
                item.get("revision_number"), bool(item.get("hosts"))
            )
            for item in self._client.desired()
        }
        seen: set[_Key] = set()
        for kind in constants.KINDS:
            for page in _pages(kind):
                seen.update((kind, object_id) for object_id in page)
                self._compare(kind, page, standing, report)
                self._pause()
        self._find_left_over(standing, seen, report)
        report.differences.sort()
        return report

    def _compare(
        self, kind: str, page: list[str], standing: dict[_Key, _Standing], report: Report
    ) -> None:
        wanted, revisions, under_way = _read(kind, page)
        report.compared[kind] += len(wanted)
        report.under_way += len(under_way)
        items = []
        found = []
        for object_id, body in wanted.items():
            if object_id in under_way:
                continue
            stands = standing.get((kind, object_id))
            if body == {"hosts": {}}:
                if stands and stands.has_hosts:
                    found.append(Difference(kind, object_id, "left over", stands.revision or 0))
                continue
            items.append(
                {"kind": kind, "id": object_id, "revision_number": revisions.get(object_id, 0)}
                | body
            )
        results = self._client.put_desired(items, dry_run=True) if items else []
        for item, result in zip(items, results, strict=True):
            difference = _difference(item, result, standing.get((kind, item["id"])), revisions)
            if difference:
                found.append(difference)
        report.differences += _still(found, revisions)

    def _find_left_over(
        self, standing: dict[_Key, _Standing], seen: set[_Key], report: Report
    ) -> None:
        """What stands in the store and is not Neutron's: left over if it once was."""
        unknown = [key for key in standing if key not in seen]
        for kind in constants.KINDS:
            ids = [object_id for of_kind, object_id in unknown if of_kind == kind]
            for start in range(0, len(ids), PAGE):
                page = ids[start : start + PAGE]
                existing, _, under_way = _read(kind, page)
                for object_id in page:
                    if object_id in existing or object_id in under_way:
                        continue
                    stands = standing[kind, object_id]
                    what = "foreign" if stands.revision is None else "left over"
                    report.differences.append(
                        Difference(kind, object_id, what, stands.revision or 0)
                    )


def _difference(
    item: dict[str, Any],
    result: dict[str, Any],
    standing: _Standing | None,
    revisions: dict[str, int],
) -> Difference | None:
    kind, object_id, word = item["kind"], item["id"], result["result"]
    there = result.get("revision_number") or (standing.revision if standing else None) or 0
    if word == "created":
        return Difference(kind, object_id, "missing", there)
    if word in ("updated", "deleted", "stale"):
        return Difference(kind, object_id, "different", max(there, item["revision_number"]))
    if word in ("invalid", "conflict", "unavailable"):
        detail = (result.get("error") or {}).get("message", word)
        return Difference(kind, object_id, "invalid", item["revision_number"], detail)
    # The contents are right. Without the right revision they could be overwritten by what is late.
    stored = standing.revision if standing else None
    if object_id not in revisions or stored != item["revision_number"]:
        return Difference(kind, object_id, "different", stored or 0, "revision")
    return None


def _pages(kind: str) -> Iterable[list[str]]:
    last = ""
    while True:
        context = n_context.get_admin_context()
        with db_api.CONTEXT_READER.using(context):
            page = reader.page(context.session, kind, last, PAGE)
        if page:
            yield page
        if len(page) < PAGE:
            return
        last = page[-1]


def _read(kind: str, ids: list[str]) -> tuple[dict[str, dict], dict[str, int], set[str]]:
    """Bodies of the items of existing objects; revisions of all; and those under way."""
    context = n_context.get_admin_context()
    with db_api.CONTEXT_READER.using(context):
        revisions, under_way = _journaled(context.session, ids)
        if kind == constants.PORT:
            ports = reader.ports(context.session, ids)
            bodies = {port.id: {"hosts": records.hosts(port)} for port in ports.values()}
        else:
            read = (
                reader.security_groups
                if kind == constants.SECURITY_GROUP
                else reader.address_groups
            )
            groups = read(context.session, ids)
            bodies = {group_id: {"record": record} for group_id, record in groups.items()}
    return bodies, revisions, under_way


def _journaled(session: Any, ids: list[str]) -> tuple[dict[str, int], set[str]]:
    rows = session.execute(
        sa.select(_T.c.object_id, _T.c.revision, _T.c.due).where(_T.c.object_id.in_(ids))
    ).all()
    revisions = {row.object_id: row.revision for row in rows}
    return revisions, {row.object_id for row in rows if row.due is not None}


def _still(found: list[Difference], revisions: dict[str, int]) -> list[Difference]:
    """Leaves out objects that changed while they were compared."""
    if not found:
        return []
    context = n_context.get_admin_context()
    with db_api.CONTEXT_READER.using(context):
        now, under_way = _journaled(context.session, [d.object_id for d in found])
    return [
        difference
        for difference in found
        if difference.object_id not in under_way
        and now.get(difference.object_id) == revisions.get(difference.object_id)
    ]


def repair(differences: Iterable[Difference], adopt: bool) -> int:
    """Has the journal carry out what differs. Returns how many objects that are.

    What is foreign is somebody else's, and only taken away if it is to be adopted.
    """
    chosen = [d for d in differences if adopt or d.what != "foreign"]
    for start in range(0, len(chosen), PAGE):
        _repair_page(chosen[start : start + PAGE])
    return len(chosen)


@db_api.retry_db_errors
def _repair_page(page: list[Difference]) -> None:
    context = n_context.get_admin_context()
    with db_api.CONTEXT_WRITER.using(context):
        for difference in page:
            journal.repair(
                context.session, difference.kind, difference.object_id, difference.revision
            )


def adopt_bindings() -> int:
    """Takes over bindings that networking-vpp's driver made. Returns how many."""
    context = n_context.get_admin_context()
    level = PortBindingLevel
    with db_api.CONTEXT_WRITER.using(context):
        changed = context.session.execute(
            sa.update(level)
            .where(level.driver == constants.NETWORKING_VPP_DRIVER)
            .values(driver=constants.DRIVER)
            .execution_options(synchronize_session=False)
        )
        return changed.rowcount
