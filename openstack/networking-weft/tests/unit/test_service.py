"""The worker beside the API."""

import os
import queue

import pytest
from oslo_config import cfg

from networking_weft import bell, config, drain, leader, service


class Drainer:
    """Tells when it was woken."""

    woken = queue.Queue()

    def __init__(self, conf, effective):
        pass

    def run(self, wake, stop):
        while not stop.is_set():
            wake.wait()
            wake.clear()
            self.woken.put(stop.is_set())


@pytest.fixture
def worker(monkeypatch, tmp_path):
    conf = cfg.ConfigOpts()
    config.register_opts(conf)
    conf.register_opts([cfg.StrOpt("state_path"), cfg.StrOpt("setproctitle", default="off")])
    conf(["--config-file", os.devnull])
    conf.set_override("state_path", str(tmp_path))
    monkeypatch.setattr(os, "nice", lambda _niceness: None)
    monkeypatch.setattr(drain, "Drainer", Drainer)
    monkeypatch.setattr(leader, "run", lambda _conf, stop: stop.wait())
    return service.Worker(conf)


def test_every_neutron_starts_it(worker):
    # Up to 2026.1, neutron-periodic-workers passes over those that want a process of their own.
    assert worker.worker_process_count == 0


def test_a_ring_wakes_one_thread_and_its_end_all(worker, tmp_path, monkeypatch):
    listening = queue.Queue()
    made = bell.Bell
    monkeypatch.setattr(bell, "Bell", lambda where: (listening.put(where), made(where))[1])
    worker.start()
    rope = bell.Rope(bell.path(str(tmp_path)))
    assert listening.get(timeout=10)
    ended = None
    while ended is None:  # the socket is there a moment later
        rope.pull()
        try:
            ended = Drainer.woken.get(timeout=0.1)
        except queue.Empty:
            continue
    assert not ended
    worker.stop()
    worker.wait()
    assert [Drainer.woken.get(timeout=10) for _ in range(2)] == [True, True]
