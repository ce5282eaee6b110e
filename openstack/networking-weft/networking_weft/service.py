"""The threads of one worker of a Neutron server."""

import itertools
import threading

from oslo_config import cfg
from oslo_log import log as logging

from networking_weft import drain, leader, status

LOG = logging.getLogger(__name__)


class Service:
    """Carries out the journal and stands for election. One a process, started after its fork."""

    def __init__(self, conf: cfg.ConfigOpts = cfg.CONF) -> None:
        self._conf = conf
        self._wakes: list[threading.Event] = []
        self._turn = itertools.count()
        self._stop = threading.Event()
        self._started = threading.Lock()

    def start(self) -> None:
        """Starts the threads, once however often it is called."""
        if not self._started.acquire(blocking=False):
            return
        for number in range(self._conf.ml2_weft.journal_threads):
            wake = threading.Event()
            self._wakes.append(wake)
            drainer = drain.Drainer(self._conf, _effective)
            self._thread(f"weft-journal-{number}", drainer.run, wake, self._stop)
        if self._conf.ml2_weft.leader:
            self._thread("weft-leader", leader.run, self._conf, self._stop)

    def wake(self) -> None:
        """Something has been committed that the journal holds. One thread is enough for it."""
        if self._wakes:
            self._wakes[next(self._turn) % len(self._wakes)].set()

    def _thread(self, name: str, target: object, *args: object) -> None:
        # Daemons: what they leave undone when the process ends stands in the journal.
        threading.Thread(target=target, name=name, args=args, daemon=True).start()


def _effective(host: str, port_id: str) -> None:
    LOG.debug("Port %s is effective on %s already.", port_id, host)
    status.port_up(port_id)
