"""The one worker of the whole cloud that follows what hosts say and tells Neutron.

The worker of each Neutron server is a candidate; the database says who leads
(:mod:`~networking_weft.db.leases`). Whoever comes to lead begins with a snapshot of what hosts say
and compares it with all of Neutron, so nothing has to be handed over, and nothing is missed.
"""

import os
import socket
import threading
import time
import uuid
from collections.abc import Callable

from neutron_lib import context as n_context
from neutron_lib.db import api as db_api
from oslo_config import cfg
from oslo_log import log as logging

from networking_weft import agents, status, sync
from networking_weft.client import Client, Refused, Unavailable
from networking_weft.db import journal, leases
from networking_weft.world import KINDS, World

LOG = logging.getLogger(__name__)

LEASE = "leader"
BEATS = 4
"""How often the lease is renewed in its time."""
LOOK = 1.0
"""Seconds that the leader sleeps at most when nothing happens."""
GATHER = 0.05
"""Seconds from the first news to looking at all that has come: ports of one batch of the journal
become effective within little time, and cost little more than one of them."""
SILENCE = 30.0
"""Seconds without a line after which a server is taken for gone. It says something every 10."""
REPORT_PAGE = 20
"""Ports that are told to Neutron between two renewals of the lease."""
PAGE_PAUSE = 0.05
"""Seconds that a comparison leaves to the API between pages of 500 objects."""


class Follower:
    """Feeds a world with the lines of ``/v1/watch``. Belongs to a thread of its own."""

    def __init__(self, conf: cfg.ConfigOpts, world: World, lost: Callable[[], None]) -> None:
        """``lost`` is called when the store is not the one that it was."""
        self._client = Client(
            conf.ml2_weft.servers,
            max(SILENCE, conf.ml2_weft.request_timeout),
            conf.ml2_weft.ca_file,
        )
        self._pause = conf.ml2_weft.retry_min
        self._world = world
        self._lost = lost
        self._heard_at = float("-inf")

    def hears(self) -> bool:
        """Whether a server has given a sign of life lately."""
        return time.monotonic() - self._heard_at < SILENCE

    def run(self, stop: threading.Event) -> None:
        """Follows until ``stop``."""
        self._world.begin()
        while not stop.is_set():
            try:
                self._follow(stop)
            except Refused as refused:
                LOG.warning("What hosts say is read anew: %s", refused)
                if self._world.revision is not None:
                    self._lost()
                self._world.begin()
            except Unavailable as error:
                LOG.warning("No weft server can be followed: %s", error)
            except Exception:
                LOG.exception("Following what hosts say failed; it is read anew.")
                self._world.begin()
            stop.wait(self._pause)
        self._client.close()

    def _follow(self, stop: threading.Event) -> None:
        if self._world.revision is None:
            self._world.begin()
        for line in self._client.watch(KINDS, self._world.revision):
            self._heard_at = time.monotonic()
            if line.get("type") == "error":
                detail = line.get("error") or {}
                if detail.get("code") == "compacted":
                    raise Refused(410, detail)
                LOG.info("The stream ended: %s", detail.get("message"))
            else:
                self._world.apply(line)
            if stop.is_set():
                return


class Term:
    """The time of one leader, from its election on."""

    def __init__(self, conf: cfg.ConfigOpts, lease: leases.Candidate) -> None:
        self._conf = conf.ml2_weft
        self._lease = lease
        self._stop = threading.Event()
        self._sync_now = threading.Event()
        self._world = World()
        self._follower = Follower(conf, self._world, self._sync_now.set)
        self._reporter = status.Reporter(self._world)
        self._registry = agents.Registry()
        self._client = Client(
            conf.ml2_weft.servers, conf.ml2_weft.request_timeout, conf.ml2_weft.ca_file
        )
        self._heartbeat_interval = conf.agent_down_time / 4

    def lead(self, stop: threading.Event) -> None:
        """Leads until ``stop`` or until the lease is lost."""
        helpers = [
            threading.Thread(
                target=self._follower.run, args=(self._stop,), name="weft-follower", daemon=True
            ),
            threading.Thread(target=self._compare, name="weft-sync", daemon=True),
        ]
        for helper in helpers:
            helper.start()
        try:
            self._act(stop)
        finally:
            self._stop.set()
            self._sync_now.set()

    def _act(self, stop: threading.Event) -> None:
        beat = Every(self._conf.leader_lease / BEATS)
        heartbeat = Every(self._heartbeat_interval)
        reconcile = Every(self._conf.reconcile_interval)
        while not stop.is_set():
            if beat.is_due() and not self._lease.hold():
                return
            changes = self._world.take(min(LOOK, self._conf.leader_lease / BEATS), GATHER)
            if not self._lease.holds:
                LOG.warning("This worker was not heard of for too long and leads no more.")
                return
            if changes.hosts or heartbeat.is_due():
                self._refresh_agents()
            if changes.everything or reconcile.is_due():
                self._reporter.reconcile()
                _tell_of_journal()
            self._report(changes.ports)

    def _refresh_agents(self) -> None:
        # Without a server nothing is known of hosts, and no news is no sign of life.
        if self._follower.hears() and self._world.revision is not None:
            self._registry.refresh(self._world.hosts())

    def _report(self, ports: set[str]) -> None:
        ids = sorted(ports)
        for start in range(0, len(ids), REPORT_PAGE):
            self._reporter.report(ids[start : start + REPORT_PAGE])
            if not self._lease.hold():
                return

    def _compare(self) -> None:
        """Compares everything now and then, beginning with now."""
        interval = self._conf.sync_interval or None
        due = interval is not None
        while not self._stop.is_set():
            if due:
                self._compare_once()
            due = self._sync_now.wait(interval) or interval is not None
            self._sync_now.clear()
        self._client.close()

    def _pause(self) -> None:
        self._stop.wait(PAGE_PAUSE)

    def _compare_once(self) -> None:
        try:
            report = sync.Comparison(self._client, self._pause).run()
            repaired = 0
            if self._conf.sync_repair:
                repaired = sync.repair(report.differences, adopt=False)
        except (Unavailable, Refused) as error:
            LOG.warning("The store could not be compared with Neutron: %s", error)
            self._stop.wait(self._conf.retry_max)
            self._sync_now.set()
        except Exception:
            LOG.exception("The store could not be compared with Neutron.")
        else:
            log = LOG.info if report.in_step else LOG.warning
            log(
                "%s compared with the store: %d differ, %d of them are repaired, %d under way",
                dict(report.compared),
                len(report.differences),
                repaired,
                report.under_way,
            )


def _tell_of_journal() -> None:
    context = n_context.get_admin_context()
    with db_api.CONTEXT_READER.using(context):
        figures = journal.figures(context.session)
    if figures.waiting:
        log = LOG.warning if figures.failing else LOG.info
        log(
            "The journal: %d of %d objects wait, %d of them have failed; the oldest waits %.1f s",
            figures.waiting,
            figures.rows,
            figures.failing,
            figures.oldest,
        )


class Every:
    """Becomes due after each ``seconds``, and at once."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._next = clock()

    def is_due(self) -> bool:
        """Whether it is time; if so, the next time is set."""
        now = self._clock()
        if now < self._next:
            return False
        self._next = now + self._seconds
        return True


def run(conf: cfg.ConfigOpts, stop: threading.Event) -> None:
    """Stands for election, and leads when elected, until ``stop``."""
    holder = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
    lease = leases.Candidate(LEASE, holder, conf.ml2_weft.leader_lease)
    while not stop.is_set():
        try:
            if lease.hold():
                LOG.info("%s leads.", holder)
                Term(conf, lease).lead(stop)
        except Exception:
            LOG.exception("Leading failed; another election follows.")
        stop.wait(conf.ml2_weft.leader_lease / BEATS)
    lease.release()
