"""A stand-in for a Kubernetes API server: real HTTP, objects in memory, no validation and nothing that runs.

It lists, watches from a version on, forgets old versions, and fails where a test says so: see `Fault`.
"""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

from tests.serving import serving

NAMESPACE = "team"
KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: here
clusters: [{{name: c, cluster: {{server: "{host}"}}}}]
users: [{{name: u, user: {{token: secret}}}}]
contexts:
- {{name: here, context: {{cluster: c, user: u, namespace: team}}}}
- {{name: there, context: {{cluster: c, user: u}}}}
"""
GROUPS = {
    "experiments": "kubeflow.org",
    "trials": "kubeflow.org",
    "suggestions": "kubeflow.org",
    "jobs": "batch",
}
CLUSTER_WIDE = {"nodes"}
_PATH = re.compile(
    r"/(?:api/v1|apis/(?P<group>[^/]+)/[^/]+)(?:/namespaces/(?P<namespace>[^/]+))?/(?P<plural>[^/]+)"
    r"(?:/(?P<name>[^/]+))?(?:/(?P<part>[^/]+))?"
)


@dataclass
class Fault:
    """What goes wrong with the next requests that match.

    Attributes:
        matches: Whether a request is one, by method and path with query.
        status: Answered in place of the answer; None to break the connection.
        body: Of that answer.
        after_bytes: Of a watch, sent before the connection breaks.
        event: Sent in place of a watch's events.
        times: How many requests it meets.
        before: Called first, to change things in between.
    """

    matches: Callable[[str, str], bool]
    status: int | None = None
    body: bytes = b"{}"
    headers: tuple[tuple[str, str], ...] = ()
    after_bytes: int | None = None
    event: dict | None = None
    times: int = 1
    before: Callable[[], None] = lambda: None
    only_before: bool = False


def failing(verb_and_path, **what):
    """A fault of requests like ``GET .*/trials``."""
    return Fault(lambda method, path: bool(re.search(verb_and_path, f"{method} {path}")), **what)


def now():
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class KubernetesStandIn(ThreadingHTTPServer):
    daemon_threads = True
    # A watch that nobody reads any more must not hold up the end of a test.
    block_on_close = False

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.changed = threading.Condition()
        self.objects = {}
        self.version = 100
        self.oldest = 0
        self.history = []
        self.faults = []
        self.requests = []
        self.logs = {}
        self.kinds = {*GROUPS, *CLUSTER_WIDE, "pods", "events", "configmaps"}
        self.token = None

    def handle_error(self, *_):
        """Clients that go away in the middle of an answer are what tests are about."""

    @property
    def host(self):
        return f"http://127.0.0.1:{self.server_port}"

    def get(self, plural, name):
        with self.changed:
            return deepcopy(self.objects.get(plural, {}).get(name))

    def all(self, plural, label=("", "")):
        with self.changed:
            found = self.objects.get(plural, {}).values()
            key, value = label
            return [
                deepcopy(o) for o in found if not key or o["metadata"].get("labels", {}).get(key) == value
            ]

    def put(self, plural, item):
        """Creates an object or replaces it; watchers are told."""
        with self.changed:
            new = deepcopy(item)
            name = new["metadata"]["name"]
            self.version += 1
            before = self.objects.setdefault(plural, {}).get(name)
            new["metadata"]["resourceVersion"] = str(self.version)
            created = before["metadata"]["creationTimestamp"] if before else now()
            new["metadata"].setdefault("creationTimestamp", created)
            self.objects[plural][name] = new
            self._note(plural, "MODIFIED" if before else "ADDED", new)
            return deepcopy(new)

    def change(self, plural, name, edit):
        with self.changed:
            item = self.get(plural, name)
            if item is not None:
                edit(item)
                self.put(plural, item)

    def remove(self, plural, name):
        """Deletes an object and what it owns."""
        with self.changed:
            item = self.objects.get(plural, {}).pop(name, None)
            if item is None:
                return
            self.version += 1
            item["metadata"]["resourceVersion"] = str(self.version)
            self._note(plural, "DELETED", item)
            for other in list(self.objects):
                for owned in self.all(other):
                    owners = owned["metadata"].get("ownerReferences", [])
                    if any((o["kind"].lower() + "s", o["name"]) == (plural, name) for o in owners):
                        self.remove(other, owned["metadata"]["name"])

    def forget_history(self):
        """As a server compacts its store: watches from before now get 410."""
        with self.changed:
            self.oldest = self.version
            self.history = []

    def _note(self, plural, kind, item):
        self.history.append((self.version, plural, {"type": kind, "object": deepcopy(item)}))
        self.changed.notify_all()

    def fault_of(self, method, path):
        with self.changed:
            for fault in self.faults:
                if fault.times and fault.matches(method, path):
                    fault.times -= 1
                    return fault
        return None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: KubernetesStandIn

    def do_GET(self):
        self.serve()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815  (http.server's names)

    def serve(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        self.server.requests.append((self.command, self.path, body))
        fault = self.server.fault_of(self.command, self.path)
        if fault:
            fault.before()
            if fault.status is not None:
                return self.answer(fault.status, fault.body, fault.headers)
            if fault.after_bytes is None and fault.event is None and not fault.only_before:
                return self.hang_up()
        if self.server.token and self.headers.get("Authorization") != f"Bearer {self.server.token}":
            return self.refuse(401, "Unauthorized", "Unauthorized")
        url = urlsplit(self.path)
        match = _PATH.fullmatch(url.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        if match is None or match["plural"] not in self.server.kinds:
            return self.answer(404, b"404 page not found\n", (("Content-Type", "text/plain"),))
        if match["namespace"] != (None if match["plural"] in CLUSTER_WIDE else NAMESPACE):
            return self.refuse(
                404, "NotFound", f'namespaces "{match["namespace"]}" not found', "namespaces", "x"
            )
        plural, name = match["plural"], unquote(match["name"] or "")
        if query.get("watch"):
            return self.watch(plural, query, fault)
        if match["part"] == "log":
            return self.log(name, query)
        return getattr(self, self.command.lower())(plural, name, query, body)

    def get(self, plural, name, query, _body):
        if name:
            item = self.server.get(plural, name)
            return self.send(item) if item else self.missing(plural, name)
        with self.server.changed:
            items = [item for item in self.server.all(plural) if selected(item, query)]
            return self.send({"metadata": {"resourceVersion": str(self.server.version)}, "items": items})

    def post(self, plural, _name, _query, body):
        name = body["metadata"]["name"]
        with self.server.changed:
            if self.server.get(plural, name):
                return self.refuse(409, "AlreadyExists", f'{plural} "{name}" already exists', plural, name)
            return self.send(self.server.put(plural, body), 201)

    def put(self, plural, name, _query, body):
        with self.server.changed:
            present = self.server.get(plural, name)
            if present is None:
                return self.missing(plural, name)
            if body["metadata"].get("resourceVersion") != present["metadata"]["resourceVersion"]:
                return self.refuse(409, "Conflict", "the object has been modified", plural, name)
            return self.send(self.server.put(plural, body))

    def patch(self, plural, name, _query, body):
        assert self.headers["Content-Type"] == "application/merge-patch+json"
        with self.server.changed:
            present = self.server.get(plural, name)
            return (
                self.send(self.server.put(plural, merged(present, body)))
                if present
                else self.missing(plural, name)
            )

    def delete(self, plural, name, _query, _body):
        with self.server.changed:
            if self.server.get(plural, name) is None:
                return self.missing(plural, name)
            self.server.remove(plural, name)
        return self.send({"kind": "Status", "status": "Success"})

    def log(self, pod, query):
        if self.server.get("pods", pod) is None:
            return self.missing("pods", pod)
        since = query.get("sinceTime", "")
        text = self.server.logs.get(pod)
        if text is None:
            return self.refuse(400, "BadRequest", f'container "{query["container"]}" is waiting to start')
        lines = [line for line in text.splitlines(keepends=True) if line[:19] >= since[:19]]
        return self.answer(200, "".join(lines[-int(query.get("tailLines", 0)) :]).encode())

    def watch(self, plural, query, fault):
        server = self.server
        version, deadline = int(query["resourceVersion"]), time.monotonic() + float(query["timeoutSeconds"])
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.left = fault.after_bytes if fault else None
        if version < server.oldest:
            self.chunk({"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired"}})
            return self.chunk(None)
        if fault and fault.event:
            self.chunk(fault.event)
            return self.chunk(None)
        while True:
            with server.changed:
                if server.version <= version:
                    server.changed.wait(max(0, min(0.5, deadline - time.monotonic())))
                news = [(v, e) for v, kind, e in server.history if v > version and kind == plural]
                version = max(version, server.version)
            for _, event in news:
                if selected(event["object"], query) and not self.chunk(event):
                    return None
            mark = {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": str(version)}}}
            if not self.chunk(mark):
                return None
            if time.monotonic() >= deadline:
                return self.chunk(None)

    def chunk(self, event):
        """Sends a line of a watch, or its end; returns whether the connection is still there."""
        line = json.dumps(event).encode() + b"\n" if event else b""
        if self.left is not None and len(line) > self.left:
            self.write(b"%x\r\n" % len(line) + line[: self.left])
            self.hang_up()
            return False
        self.left = self.left - len(line) if self.left is not None else None
        # As on a wire, where a line may come in pieces.
        pieces = (line[:9], line[9:]) if line else (line,)
        return all(self.write(b"%x\r\n%s\r\n" % (len(piece), piece)) for piece in pieces)

    def write(self, data):
        try:
            self.wfile.write(data)
            self.wfile.flush()
        except OSError:
            return False
        return True

    def hang_up(self):
        self.close_connection = True
        self.connection.close()

    def missing(self, plural, name):
        group = GROUPS.get(plural)
        kind = f"{plural}.{group}" if group else plural
        self.refuse(404, "NotFound", f'{kind} "{name}" not found', plural, name)

    def refuse(self, code, reason, message, kind=None, name=None):
        self.send(status(code, reason, message, kind, name), code)

    def send(self, content, code=200):
        self.answer(code, json.dumps(content).encode())

    def answer(self, code, body, headers=()):
        try:
            self.send_response(code)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            self.close_connection = True

    def log_message(self, *_):
        pass


def status(code, reason, message, kind=None, name=None):
    """What a server answers in place of an object."""
    details = {"kind": kind, "name": name} if kind else None
    return {"kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": message} | (
        {"details": details} if details else {}
    )


def selected(item, query):
    labels = query.get("labelSelector", "")
    fields = query.get("fieldSelector", "")
    has = item["metadata"].get("labels", {})
    wanted = (part.partition("=") for part in labels.split(",") if part)
    # A label alone asks for any value of it.
    if any(key not in has or (equals and has[key] != value) for key, equals, value in wanted):
        return False
    involved = item.get("involvedObject", {})
    return all(
        involved.get(part.split("=")[0].removeprefix("involvedObject.")) == part.split("=", 1)[1]
        for part in fields.split(",")
        if part
    )


def merged(old, patch):
    if not isinstance(old, dict) or not isinstance(patch, dict):
        return patch
    new = {**old, **{key: merged(old.get(key), value) for key, value in patch.items()}}
    return {key: value for key, value in new.items() if value is not None}


@contextmanager
def kubernetes_stand_in() -> Iterator[KubernetesStandIn]:
    server = KubernetesStandIn()
    with serving(server):
        yield server
