"""Carries out the journal. Any number of these may run, in the workers of all Neutron servers.

For each batch: claim rows, read their objects, say to ``weft server`` what they shall be, settle.
Killed at any point, it leaves rows that are claimed; their claim runs out, and they are carried
out again, which changes nothing if they had been.
"""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from neutron_lib import constants as n_const
from neutron_lib import context as n_context
from neutron_lib.db import api as db_api
from oslo_config import cfg
from oslo_log import log as logging

from networking_weft import client as weft_client
from networking_weft import constants, outcome, records
from networking_weft.db import journal, reader

LOG = logging.getLogger(__name__)


@dataclass
class Objects:
    """What the database says of the objects of a batch."""

    items: list[dict[str, Any]]
    existing: set[str]
    waiting_ports: dict[str, str]
    """The active host of ports that could be ACTIVE and are not."""


def read(rows: Iterable[journal.Claimed]) -> Objects:
    """Reads the present objects, each with a revision that it is at least as new as."""
    rows = list(rows)
    context = n_context.get_admin_context()
    with db_api.CONTEXT_READER.using(context):
        revisions = journal.revisions(context.session, [row.object_id for row in rows])
        ids = {kind: [r.object_id for r in rows if r.kind == kind] for kind in constants.KINDS}
        ports = reader.ports(context.session, ids[constants.PORT])
        groups = reader.security_groups(context.session, ids[constants.SECURITY_GROUP])
        groups |= reader.address_groups(context.session, ids[constants.ADDRESS_GROUP])
    items = []
    for row in rows:
        item = {
            "kind": row.kind,
            "id": row.object_id,
            "revision_number": revisions.get(row.object_id, row.revision),
        }
        if row.kind == constants.PORT:
            port = ports.get(row.object_id)
            item["hosts"] = records.hosts(port) if port else {}
        else:
            item["record"] = groups.get(row.object_id)
        items.append(item)
    waiting = {port.id: host for port in ports.values() if (host := _active_host(port))}
    return Objects(items, ports.keys() | groups.keys(), waiting)


def _active_host(port: records.Port) -> str | None:
    if not port.admin_state_up or port.status == n_const.PORT_STATUS_ACTIVE:
        return None
    ours = (b.host for b in port.bindings if b.active and records.is_ours(b))
    return next(ours, None)


class Drainer:
    """One thread's work."""

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        effective: Callable[[str, str], None],
    ) -> None:
        """``effective`` is told of ports that are effective on a host."""
        self._conf = conf.ml2_weft
        self._client = weft_client.Client(
            self._conf.servers, self._conf.request_timeout, self._conf.ca_file
        )
        self._effective = effective
        self._idle = self._conf.journal_poll_interval
        """Seconds after which to look for work again."""

    def run(self, wake: threading.Event, stop: threading.Event) -> None:
        """Works until ``stop``; looks for work when ``wake`` is set and now and then."""
        while not stop.is_set():
            try:
                if self.drain_batch() == self._conf.journal_batch:
                    continue
            except Exception:
                LOG.exception("A batch of the journal was not carried out; its rows stay.")
                self._idle = self._conf.retry_min
            wake.wait(self._idle)
            wake.clear()

    def drain(self) -> int:
        """Carries out what is due. Returns how many rows that were."""
        total = 0
        while rows := self.drain_batch():
            total += rows
        return total

    def drain_batch(self) -> int:
        """Carries out one batch. Returns how many rows it had."""
        deadline = time.monotonic() + self._conf.claim_time
        self._idle = self._conf.journal_poll_interval
        batch = _claim(self._conf.journal_batch, self._conf.claim_time)
        if not batch.rows:
            return 0
        objects = read(batch.rows)
        if time.monotonic() + self._conf.request_timeout > deadline:
            # Others may be at these rows already, with newer contents.
            LOG.warning("%d journal rows took too long to read.", len(batch.rows))
            return len(batch.rows)
        try:
            results = self._client.put_desired(objects.items)
        except (weft_client.Unavailable, weft_client.Refused) as error:
            LOG.warning("%d journal rows wait: %s", len(batch.rows), error)
            _settle(batch, self._all_failed(batch, str(error)))
        else:
            _settle(batch, self._judge(batch, objects, results))
            self._look_at_undisturbed(objects, results)
        return len(batch.rows)

    def _all_failed(self, batch: journal.Batch, error: str) -> journal.Verdicts:
        return journal.Verdicts(
            failed={row.object_id: (self._next_try(row), error) for row in batch.rows}
        )

    def _judge(
        self, batch: journal.Batch, objects: Objects, results: list[dict[str, Any]]
    ) -> journal.Verdicts:
        verdicts = journal.Verdicts()
        for row, result in zip(batch.rows, results, strict=True):
            match outcome.of(result):
                case outcome.Done():
                    kept = row.object_id in objects.existing
                    (verdicts.done if kept else verdicts.gone).append(row.object_id)
                case outcome.Outrun(revision):
                    verdicts.outrun[row.object_id] = revision
                case outcome.Failed(reason, transient):
                    log = LOG.info if transient else LOG.error
                    log("%s %s is not in the store: %s", row.kind, row.object_id, reason)
                    verdicts.failed[row.object_id] = (self._next_try(row), reason)
        return verdicts

    def _look_at_undisturbed(self, objects: Objects, results: list[dict[str, Any]]) -> None:
        """Looks at ports that are not ACTIVE though their records were right already.

        As after a migration, when the new host has had the port for a while: nothing changes
        there, so no event will tell that the port is effective.
        """
        for result in results:
            host = objects.waiting_ports.get(result["id"])
            if host and result["result"] == "unchanged":
                self._look(host, result["id"])

    def _next_try(self, row: journal.Claimed) -> float:
        wait = outcome.retry_after(row.tries, self._conf.retry_min, self._conf.retry_max)
        self._idle = min(self._idle, wait)
        return time.time() + wait

    def _look(self, host: str, port_id: str) -> None:
        try:
            view = self._client.port(host, port_id)
        except (weft_client.Unavailable, weft_client.Refused) as error:
            LOG.info("Port %s on %s is looked at later: %s", port_id, host, error)
            return
        if view and view.get("state") is not None:
            self._effective(host, port_id)


@db_api.retry_db_errors
def _claim(limit: int, claim_time: float) -> journal.Batch:
    context = n_context.get_admin_context()
    with db_api.CONTEXT_WRITER.using(context):
        return journal.claim(context.session, limit, claim_time)


@db_api.retry_db_errors
def _settle(batch: journal.Batch, verdicts: journal.Verdicts) -> None:
    context = n_context.get_admin_context()
    with db_api.CONTEXT_WRITER.using(context):
        journal.settle(context.session, batch, verdicts)
