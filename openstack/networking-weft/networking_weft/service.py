"""The worker of each Neutron server, in a process beside the API.

``neutron-periodic-workers`` starts it, as it does with the workers of all plugins. It carries out
the journal and stands for election. The API's processes only commit, and ring the bell.
"""

import contextlib
import itertools
import os
import threading
import time

from neutron.common import config as neutron_config
from neutron_lib import worker
from oslo_config import cfg
from oslo_log import log as logging

from networking_weft import bell, drain, leader, status

LOG = logging.getLogger(__name__)

NICENESS = 10
"""Somebody waits for each of the API's requests, so they have the processors first."""

END = 5.0
"""Seconds that threads have to end. What is not done by then stands in the journal."""

HEARING = 1.0
"""Seconds after which the bell's thread sees whether it shall end."""

PACE = 0.5
"""Seconds between two looks into the journal while rings come one after the other: what several
requests commit in that time is carried out together, for little more than one of them costs."""


class Worker(worker.BaseWorker):
    """Carries out the journal and stands for election."""

    desc = "weft worker"

    def __init__(self, conf: cfg.ConfigOpts = cfg.CONF) -> None:
        # None of its own: with those of other plugins it is in one process, beside the API. Up to
        # 2026.1 `neutron-periodic-workers` starts no others.
        super().__init__(worker_process_count=0, set_proctitle=conf.setproctitle, desc=self.desc)
        self._conf = conf
        self._stop = threading.Event()
        self._wakes: list[threading.Event] = []
        self._turn = itertools.count()
        self._threads: list[threading.Thread] = []

    def start(self, **_kwargs: object) -> None:
        """Starts the threads, which are as nice as the one that this is called by."""
        super().start(name="neutron-server", desc=self.desc)
        with contextlib.suppress(OSError):
            os.nice(NICENESS)
        for number in range(self._conf.ml2_weft.journal_threads):
            wake = threading.Event()
            self._wakes.append(wake)
            drainer = drain.Drainer(self._conf, _effective)
            self._thread(f"weft-journal-{number}", drainer.run, wake, self._stop)
        self._thread("weft-bell", self._listen)
        self._thread("weft-leader", leader.run, self._conf, self._stop)

    def stop(self) -> None:
        """Ends the threads; another worker leads at once."""
        self._stop.set()
        for wake in self._wakes:
            wake.set()
        end = time.monotonic() + END
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))

    def wait(self) -> None:
        """Waits for :meth:`stop`."""
        self._stop.wait()

    @staticmethod
    def reset() -> None:
        """The configuration is read anew."""
        neutron_config.reset_service()

    def _listen(self) -> None:
        where = bell.path(self._conf.state_path)
        try:
            rings = bell.Bell(where)
        except OSError as error:
            LOG.warning("What is committed is looked for, since %s cannot be: %s", where, error)
            return
        while not self._stop.is_set():
            if rings.wait(HEARING):
                # One thread is enough; the next ring is another one's.
                self._wakes[next(self._turn) % len(self._wakes)].set()
                self._stop.wait(PACE)
        rings.close()

    def _thread(self, name: str, target: object, *args: object) -> None:
        # Daemons: the process may end when they hang.
        thread = threading.Thread(target=target, name=name, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()


def _effective(host: str, port_id: str) -> None:
    LOG.debug("Port %s is effective on %s already.", port_id, host)
    status.ports_up([port_id])
