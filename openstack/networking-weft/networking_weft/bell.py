"""A bell from the API's processes to the worker of their machine: something has been committed.

It is a datagram socket in Neutron's ``state_path``. Nothing depends on it: what nobody heard of,
because no worker runs on this machine or the file cannot be made, is found when a worker looks for
it the next time (``journal_poll_interval``).
"""

import contextlib
import os
import socket

from oslo_log import log as logging

LOG = logging.getLogger(__name__)

NAME = "weft-journal.socket"
"""In ``state_path``, which Neutron's processes of one machine have in common."""


def path(state_path: str) -> str:
    """Where the bell is."""
    return os.path.join(state_path, NAME)


class Rope:
    """Rings. Any thread may, and so may children of the process that made it."""

    def __init__(self, where: str) -> None:
        self._path = where
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)  # a request waits for nobody

    def pull(self) -> None:
        """Rings, if somebody listens."""
        # A full queue is enough to be heard.
        with contextlib.suppress(OSError):
            self._socket.sendto(b"\0", self._path)


class Bell:
    """Listens. The last one that was made hears."""

    def __init__(self, where: str) -> None:
        """Raises ``OSError``."""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            # What is there is of a worker that ended, or of one that will look by itself.
            with contextlib.suppress(FileNotFoundError):
                os.unlink(where)
            self._socket.bind(where)
        except OSError:
            self._socket.close()
            raise

    def wait(self, timeout: float) -> bool:
        """Waits for a ring, for ``timeout`` seconds at most. Any number of them is one."""
        self._socket.settimeout(timeout)
        try:
            self._socket.recv(1)
            self._socket.setblocking(False)
            while self._socket.recv(1):
                pass
        except TimeoutError:
            return False
        except BlockingIOError:
            pass
        return True

    def close(self) -> None:
        """Hears no more."""
        self._socket.close()
