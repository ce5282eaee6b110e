"""The bell between the API's processes and the worker."""

import os
import threading

from networking_weft.bell import Bell, Rope, path


def test_any_number_of_rings_wakes_once(tmp_path):
    where = path(str(tmp_path))
    bell, rope = Bell(where), Rope(where)
    for _ in range(10_000):
        rope.pull()
    assert bell.wait(10)
    assert not bell.wait(0.01)
    bell.close()


def test_a_ring_ends_a_wait(tmp_path):
    where = path(str(tmp_path))
    bell, rope = Bell(where), Rope(where)
    ringer = threading.Timer(0.05, rope.pull)
    ringer.start()
    assert bell.wait(10)
    ringer.join()
    bell.close()


def test_nobody_has_to_listen(tmp_path):
    where = path(str(tmp_path))
    rope = Rope(where)
    rope.pull()
    Bell(where).close()
    rope.pull()


def test_a_worker_that_was_killed_is_no_hindrance(tmp_path):
    where = path(str(tmp_path))
    Bell(where).close()
    assert os.path.exists(where)
    bell = Bell(where)
    Rope(where).pull()
    assert bell.wait(10)
    bell.close()
