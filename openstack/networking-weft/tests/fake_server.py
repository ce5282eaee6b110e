"""A ``weft server`` in memory: its guard by revision numbers, its listing, and its stream."""

import json
import queue
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


class Store:
    """What stands in the store."""

    def __init__(self):
        self.lock = threading.RLock()
        self.objects = {}
        self.numbers = {}
        self.records = {}
        self.revision = 1
        self.streams = []
        self.history = []
        self.requests = []
        self.broken = False

    def put(self, item, dry_run=False):
        with self.lock:
            key = item["kind"], item["id"]
            body = item["hosts"] if item["kind"] == "port" else item["record"]
            number = item["revision_number"]
            stored = self.numbers.get(key)
            base = {"kind": key[0], "id": key[1]}
            if stored is not None and number < stored:
                return base | {"result": "stale", "revision_number": stored}
            if body and item["id"].startswith("bad"):
                error = {"code": "invalid_record", "message": "bad", "field": "mtu"}
                return base | {"result": "invalid", "error": error}
            old = self.objects.get(key)
            if not body:
                result = "deleted" if old else "absent"
            elif old is None:
                result = "created"
            else:
                result = "unchanged" if old == body else "updated"
            if not dry_run:
                self.numbers[key] = number
                self.revision += 1
                if body:
                    self.objects[key] = body
                else:
                    self.objects.pop(key, None)
            return base | {"result": result, "revision_number": number}

    def listing(self):
        with self.lock:
            items = []
            for (kind, object_id), body in sorted(self.objects.items()):
                number = self.numbers.get((kind, object_id))
                item = {"kind": kind, "id": object_id, "revision_number": number}
                items.append(item | ({"hosts": sorted(body)} if kind == "port" else {}))
            return {"revision": self.revision, "items": items}

    def say(self, kind, host, name=None, value=None):
        """A host says something (``value`` None: no more)."""
        with self.lock:
            self.revision += 1
            key = kind, host, name
            if value is None:
                self.records.pop(key, None)
            else:
                self.records[key] = value
            line = self.line(key, value)
            self.history.append(line)
            for stream in self.streams:
                stream.put(line)

    def line(self, key, value):
        kind, host, name = key
        line = {
            "type": "delete" if value is None else "put",
            "kind": kind,
            "host": host,
            "revision": self.revision,
            "mod_revision": self.revision,
        }
        return (
            line | ({"id": name} if name else {}) | ({"value": value} if value is not None else {})
        )

    def effective(self, host, port_id, is_effective=True):
        self.say("port_state", host, port_id, {"bind_type": "tap"} if is_effective else None)

    def hang_up(self):
        with self.lock:
            for stream in self.streams:
                stream.put(None)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_POST(self):
        store = self.server.store
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        url = urlsplit(self.path)
        store.requests.append(body["items"])
        if store.broken:
            return self.answer(503, {"error": {"code": "store_unavailable", "message": "broken"}})
        dry_run = "dry_run=true" in url.query
        results = [store.put(item, dry_run) for item in body["items"]]
        return self.answer(200, {"revision": store.revision, "results": results})

    def do_GET(self):
        store = self.server.store
        url = urlsplit(self.path)
        if url.path == "/v1/desired":
            return self.answer(200, store.listing())
        if url.path == "/v1/watch":
            return self.watch(store, parse_qs(url.query))
        _, _, _, host, _, port_id = url.path.split("/")
        if host not in store.objects.get(("port", port_id), {}):
            return self.answer(404, {"error": {"code": "not_found", "message": "no such port"}})
        state = store.records.get(("port_state", host, port_id))
        return self.answer(
            200, {"host": host, "port": port_id} | ({"state": state} if state else {})
        )

    @staticmethod
    def next_line(lines, store):
        try:
            return lines.get(timeout=1)
        except queue.Empty:
            return {"type": "progress", "revision": store.revision}

    def watch(self, store, query):
        lines = queue.Queue()
        revision = int(query.get("revision", ["0"])[0])
        with store.lock:
            if revision > store.revision:
                error = {"code": "compacted", "message": "no history"}
                return self.answer(410, {"error": error})
            if not revision:
                for key, value in store.records.items():
                    lines.put(store.line(key, value))
                lines.put({"type": "synced", "revision": store.revision})
            for line in store.history:
                if revision and line["revision"] > revision:
                    lines.put(line)
            store.streams.append(lines)
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        try:
            while (line := self.next_line(lines, store)) is not None:
                self.wfile.write(json.dumps(line).encode() + b"\n")
        except OSError:
            pass
        finally:
            store.streams.remove(lines)


class FakeServer:
    """Serves a store until closed."""

    def __init__(self, port=0, store=None):
        self.store = store or Store()
        self.http = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.http.daemon_threads = True
        self.http.store = self.store
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def close(self):
        self.store.hang_up()
        self.http.shutdown()
        self.http.server_close()
