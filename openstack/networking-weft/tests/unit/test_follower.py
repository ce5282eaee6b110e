"""Following what hosts say, over servers that come and go."""

import threading
import time

import pytest
from oslo_config import cfg

from networking_weft import config, leader
from networking_weft.world import World
from tests.fake_server import FakeServer


@pytest.fixture
def server():
    fake = FakeServer()
    yield fake
    fake.close()


@pytest.fixture
def follow():
    stops = []

    def start(*servers):
        conf = cfg.ConfigOpts()
        config.register_opts(conf)
        conf([])
        conf.set_override("servers", [server.url for server in servers], "ml2_weft")
        conf.set_override("retry_min", 0.02, "ml2_weft")
        world, lost, stop = World(), threading.Event(), threading.Event()
        stops.append(stop)
        follower = leader.Follower(conf, world, lost.set)
        threading.Thread(target=follower.run, args=(stop,), daemon=True).start()
        return world, follower, lost

    yield start
    for stop in stops:
        stop.set()


def until(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def test_it_knows_what_was_and_what_comes(server, follow):
    server.store.effective("h1", "before")
    world, follower, _ = follow(server)
    until(lambda: world.is_effective("h1", "before"))
    server.store.effective("h1", "after")
    until(lambda: world.is_effective("h1", "after"))
    server.store.effective("h1", "after", is_effective=False)
    until(lambda: not world.is_effective("h1", "after"))
    assert follower.hears()


def test_it_goes_on_where_it_was_when_a_server_hangs_up(server, follow):
    world, _, lost = follow(server)
    until(lambda: world.revision is not None)
    server.store.effective("h1", "p")
    until(lambda: world.is_effective("h1", "p"))
    world.take(0)
    server.store.hang_up()
    server.store.effective("h1", "q")
    until(lambda: world.is_effective("h1", "q"))
    assert not world.take(0).everything
    assert not lost.is_set()


def test_a_store_that_lost_its_history_is_read_anew(server, follow):
    world, _, lost = follow(server)
    server.store.effective("h1", "old")
    until(lambda: world.is_effective("h1", "old"))
    with server.store.lock:
        server.store.records.clear()
        server.store.history.clear()
        server.store.revision = 0
        server.store.hang_up()
    until(lost.is_set)
    until(lambda: not world.is_effective("h1", "old"))
    server.store.effective("h1", "new")
    until(lambda: world.is_effective("h1", "new"))


def test_without_a_server_nothing_is_heard(server, follow):
    server.close()
    _, follower, _ = follow(server)
    assert not follower.hears()


def test_something_is_due_at_once_and_then_now_and_then():
    now = 0.0
    every = leader.Every(5, clock=lambda: now)
    assert every.is_due()
    assert not every.is_due()
    now = 5.0
    assert every.is_due()
