"""What is made of the lines of the stream."""

from networking_weft.world import Said, World


def line(kind, host, name=None, value=None, revision=1, **more):
    fields = {"type": "delete" if value is None else "put", "kind": kind, "host": host}
    return fields | {"id": name, "value": value, "revision": revision} | more


def synced(*lines, revision=10):
    world = World()
    world.begin()
    for one in lines:
        world.apply(one)
    world.apply({"type": "synced", "revision": revision})
    world.take(0)
    return world


def test_nothing_is_believed_before_the_snapshot_is_whole():
    world = World()
    world.begin()
    world.apply(line("port_state", "h1", "p1", {}))
    assert not world.is_effective("h1", "p1")
    assert world.revision is None
    world.apply({"type": "synced", "revision": 10})
    assert world.is_effective("h1", "p1")
    assert world.revision == 10
    assert world.take(0).everything


def test_while_a_new_snapshot_comes_the_old_one_holds():
    world = synced(line("port_state", "h1", "p1", {}))
    world.begin()
    assert world.is_effective("h1", "p1")
    world.apply({"type": "synced", "revision": 3})
    assert not world.is_effective("h1", "p1")


def test_a_port_is_marked_once_however_often_it_changes():
    world = synced()
    world.apply(line("port_condition", "h1", "p1", {"status": "pending", "reason": "r"}, 11))
    world.apply(line("port_state", "h1", "p1", {}, 12))
    assert world.take(0).ports == {"p1"}
    assert world.said("p1") == {"h1": Said(True, "pending", "r")}
    assert not world.take(0)


def test_how_far_a_port_has_come_is_no_news_but_that_it_is_effective_again_is():
    world = synced(line("port_state", "h1", "p1", {}))
    world.apply(line("port_condition", "h1", "p1", {"status": "programmed"}, 11))
    assert not world.take(0)
    world.apply(line("port_state", "h1", "p1", {}, 12))
    assert world.take(0).ports == {"p1"}


def test_a_complaint_ends():
    world = synced(line("port_condition", "h1", "p1", {"status": "failed", "reason": "r"}))
    world.apply(line("port_condition", "h1", "p1", {"status": "accepted"}, 11))
    assert world.take(0).ports == {"p1"}
    assert world.said("p1") == {}


def test_what_ends_is_forgotten():
    world = synced(line("port_state", "h1", "p1", {}), line("alive", "h1", value={"version": "1"}))
    world.apply(line("port_state", "h1", "p1", None, 11))
    world.apply(line("alive", "h1", None, None, 12))
    assert world.said("p1") == {}
    assert world.hosts() == {}


def test_hosts_have_their_physical_networks():
    world = synced(
        line("physnet", "h1", "b", {}),
        line("physnet", "h1", "a", {}),
        line("physnet", "h2", "a", {}),
        line("alive", "h1", value={"version": "1"}),
    )
    assert world.hosts() == {"h1": ({"version": "1"}, ("a", "b"))}


def test_it_resumes_behind_whole_transactions_only():
    world = synced()
    world.apply(line("port_state", "h1", "p1", {}, 11, more=True))
    assert world.revision == 10
    world.apply(line("port_state", "h1", "p2", {}, 11))
    assert world.revision == 11
    world.apply({"type": "progress", "revision": 20})
    assert world.revision == 20
