"""HTTP to ``weft server``: any of a list, over connections that are kept.

A client belongs to one thread. It stays with a server as long as that answers, and goes on to the
next one when it does not; a request that got no answer may have been carried out, which the
revisions of what is sent make harmless.
"""

import http.client
import json
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from oslo_log import log as logging

LOG = logging.getLogger(__name__)

_USER_AGENT = "networking-weft"
_NEXT_SERVER = (http.client.HTTPException, OSError, ValueError)
"""What means that this server will not do: it cannot be reached, or what came is no answer."""


class Unavailable(Exception):  # noqa: N818, a state rather than a mistake
    """No server of the list answers, or none of them can reach the store."""


class Refused(Exception):  # noqa: N818
    """A server understood the request and will not do it, nor will another."""

    def __init__(self, status: int, detail: dict[str, Any]) -> None:
        super().__init__(f"{status}: {detail.get('message') or detail}")
        self.status = status
        self.code = detail.get("code")


@dataclass(frozen=True)
class Server:
    """The address of a server."""

    secure: bool
    host: str
    port: int

    @classmethod
    def parse(cls, url: str) -> "Server":
        """Reads ``http://host:port`` or ``https://host:port``."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"[ml2_weft] servers: {url!r} is not http://host:port")
        secure = parts.scheme == "https"
        return cls(secure, parts.hostname, parts.port or (443 if secure else 7090))

    def __str__(self) -> str:
        return f"{'https' if self.secure else 'http'}://{self.host}:{self.port}"


class Client:
    """Requests to one store, through whichever server answers."""

    def __init__(self, servers: Sequence[str], timeout: float, ca_file: str | None = None) -> None:
        if not servers:
            raise ValueError("[ml2_weft] servers is empty")
        self._servers = [Server.parse(url) for url in servers]
        self._at = 0
        self._timeout = timeout
        self._tls = (
            ssl.create_default_context(cafile=ca_file)
            if any(server.secure for server in self._servers)
            else None
        )
        self._connection: http.client.HTTPConnection | None = None

    def close(self) -> None:
        """Hangs up; the next request connects again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def put_desired(
        self, items: Sequence[dict[str, Any]], dry_run: bool = False
    ) -> list[dict[str, Any]]:
        """Says what objects shall be. Returns what became of each, in their order."""
        path = "/v1/desired" + ("?dry_run=true" if dry_run else "")
        results = self._request("POST", path, {"items": items})["results"]
        if len(results) != len(items):
            raise Unavailable(f"{len(items)} items were sent, {len(results)} results came")
        return results

    def desired(self) -> list[dict[str, Any]]:
        """What is wanted according to the store, without the records."""
        return self._request("GET", "/v1/desired")["items"]

    def port(self, host: str, port_id: str) -> dict[str, Any] | None:
        """One port on one host with its condition; ``None`` if it is not wanted there."""
        path = f"/v1/hosts/{quote(host, safe='')}/ports/{quote(port_id, safe='')}"
        try:
            return self._request("GET", path)
        except Refused as refused:
            if refused.status == http.client.NOT_FOUND:
                return None
            raise

    def watch(self, kinds: Sequence[str], revision: int | None) -> Iterator[dict[str, Any]]:
        """Follows records: a snapshot and its changes, or the changes after ``revision``.

        Ends when the server hangs up; raises :class:`Refused` with the code ``compacted`` if the
        store has no history that far back. The server gives a sign of life every ten seconds, so
        that silence for the time of a request means that it is gone.
        """
        query = {"kind": ",".join(kinds)} | ({"revision": revision} if revision else {})
        response = self._answer("GET", "/v1/watch?" + urlencode(query), None)
        try:
            while line := response.readline():
                yield json.loads(line)
        except _NEXT_SERVER as error:
            raise Unavailable(f"{self._servers[self._at]}: {error}") from error
        finally:
            self.close()

    def _request(self, method: str, path: str, body: object = None) -> Any:
        response = self._answer(method, path, body)
        try:
            return json.loads(response.read())
        except _NEXT_SERVER as error:
            self._leave(error)
            raise Unavailable(f"{path}: {error}") from error

    def _answer(self, method: str, path: str, body: object) -> http.client.HTTPResponse:
        """The first answer below 500, asking each server once."""
        data = None if body is None else json.dumps(body, separators=(",", ":")).encode()
        problems = []
        for _ in self._servers:
            server = self._servers[self._at]
            try:
                response = self._send(server, method, path, data)
                if response.status < http.client.BAD_REQUEST:
                    return response
                detail = _detail(response)
            except _NEXT_SERVER as error:
                detail, status = {"message": str(error) or type(error).__name__}, None
            else:
                status = response.status
                if status < http.client.INTERNAL_SERVER_ERROR:
                    raise Refused(status, detail)
            problems.append(f"{server}: {detail.get('message')}")
            self._leave(problems[-1])
        raise Unavailable("; ".join(problems))

    def _send(
        self, server: Server, method: str, path: str, data: bytes | None
    ) -> http.client.HTTPResponse:
        kept = self._connection is not None
        try:
            return self._send_once(server, method, path, data)
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            # A connection that was kept may have been closed by the server meanwhile.
            if not kept:
                raise
            self.close()
            return self._send_once(server, method, path, data)

    def _send_once(
        self, server: Server, method: str, path: str, data: bytes | None
    ) -> http.client.HTTPResponse:
        if self._connection is None:
            self._connection = self._connect(server)
        headers = {"User-Agent": _USER_AGENT, "Content-Type": "application/json"}
        self._connection.request(method, path, body=data, headers=headers)
        return self._connection.getresponse()

    def _connect(self, server: Server) -> http.client.HTTPConnection:
        if server.secure:
            return http.client.HTTPSConnection(
                server.host, server.port, timeout=self._timeout, context=self._tls
            )
        return http.client.HTTPConnection(server.host, server.port, timeout=self._timeout)

    def _leave(self, reason: object) -> None:
        LOG.debug("weft server %s is left: %s", self._servers[self._at], reason)
        self.close()
        self._at = (self._at + 1) % len(self._servers)


def _detail(response: http.client.HTTPResponse) -> dict[str, Any]:
    body = response.read()
    try:
        return json.loads(body)["error"]
    except (ValueError, KeyError, TypeError):
        return {"message": f"{response.status} {response.reason}"}
