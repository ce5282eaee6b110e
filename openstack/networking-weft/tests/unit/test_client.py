"""HTTP to servers of which some do not answer."""

import socket

import pytest

from networking_weft import client
from tests.fake_server import FakeServer

ITEM = {"kind": "security_group", "id": "g", "revision_number": 1, "record": {"x": 1}}


@pytest.fixture
def server():
    fake = FakeServer()
    yield fake
    fake.close()


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def test_the_next_server_is_asked_when_one_is_away(server):
    both = client.Client([f"http://127.0.0.1:{free_port()}", server.url], 2)
    assert both.put_desired([ITEM])[0]["result"] == "created"
    assert both.put_desired([ITEM])[0]["result"] == "unchanged"


def test_a_server_without_its_store_is_left(server):
    broken = FakeServer()
    broken.store.broken = True
    try:
        both = client.Client([broken.url, server.url], 2)
        assert both.put_desired([ITEM])[0]["result"] == "created"
    finally:
        broken.close()


def test_when_none_answers_all_are_named():
    port = free_port()
    alone = client.Client([f"http://127.0.0.1:{port}"], 1)
    with pytest.raises(client.Unavailable, match=str(port)):
        alone.put_desired([ITEM])


def test_a_server_that_says_nothing_is_left(server):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        both = client.Client([f"http://127.0.0.1:{port}", server.url], 0.2)
        assert both.put_desired([ITEM])[0]["result"] == "created"


def test_a_server_that_comes_back_is_asked_again():
    first = FakeServer()
    port = first.http.server_address[1]
    alone = client.Client([first.url], 2)
    alone.put_desired([ITEM])
    first.close()
    second = FakeServer(port, first.store)
    try:
        assert alone.put_desired([ITEM])[0]["result"] == "unchanged"
    finally:
        second.close()


def test_a_port_that_is_not_there_is_none(server):
    assert client.Client([server.url], 2).port("h1", "p") is None


def test_the_stream_begins_with_what_there_is(server):
    server.store.effective("h1", "p")
    lines = client.Client([server.url], 2).watch(["port_state"], None)
    assert next(lines)["id"] == "p"
    assert next(lines)["type"] == "synced"
    lines.close()


def test_a_revision_of_another_store_is_refused(server):
    with pytest.raises(client.Refused) as refused:
        next(client.Client([server.url], 2).watch(["alive"], 10_000))
    assert refused.value.code == "compacted"


@pytest.mark.parametrize("url", ["127.0.0.1:7090", "ftp://x", ""])
def test_what_is_no_address_is_refused_at_once(url):
    with pytest.raises(ValueError, match="servers"):
        client.Client([url], 1)


def test_addresses():
    assert client.Server.parse("http://[::1]:80") == client.Server(False, "::1", 80)
    assert client.Server.parse("https://weft").port == 443
    assert client.Server.parse("http://weft").port == 7090
