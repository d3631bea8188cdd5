"""A stand-in for a KFP API server: pipelines, their versions, experiments and runs of API v2beta1, in memory.

It is not one: it validates nothing, and runs nothing.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from tests.serving import serving

API = "/apis/v2beta1"


class KfpStandIn(ThreadingHTTPServer):
    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.pipelines, self.versions, self.experiments, self.runs = [], [], [], []
        self.tokens, self.namespaces = set(), set()
        self.failing = False

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        path, query = self.asked()
        if path.endswith("/healthz"):
            return self.answer({"multi_user": False})
        if versions_of := re.fullmatch(f"{API}/pipelines/([^/]+)/versions", path):
            mine = [v for v in self.server.versions if v["pipeline_id"] == versions_of[1]]
            return self.answer({"pipeline_versions": matching(mine, query)})
        kind = path.removeprefix(f"{API}/")
        return self.answer({kind: matching(getattr(self.server, kind), query)})

    def do_POST(self):
        path, query = self.asked()
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if path == f"{API}/pipelines/upload":
            new = {"pipeline_id": "p1", "display_name": query["name"]}
            # As KFP does: a pipeline that is uploaded has a version of its own name.
            self.server.versions.append({**new, "pipeline_version_id": "v0", "package": body})
            return self.create("pipelines", new)
        if path == f"{API}/pipelines/upload_version":
            new = {"pipeline_id": query["pipelineid"], "display_name": query["name"]}
            return self.create(
                "versions", {**new, "pipeline_version_id": f"v-{query['name']}", "package": body}
            )
        kind = path.removeprefix(f"{API}/")
        if kind == "pipelines":
            return self.create(kind, {**json.loads(body), "pipeline_id": "p1"})
        return self.create(kind, {**json.loads(body), f"{kind.removesuffix('s')}_id": f"{kind}-1"})

    def asked(self):
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        self.server.tokens.add(self.headers.get("Authorization"))
        self.server.namespaces.add(query.get("namespace"))
        return url.path, query

    def create(self, kind, new):
        getattr(self.server, kind).append(new)
        self.answer({key: value for key, value in new.items() if key != "package"})

    def answer(self, content):
        self.send_response(503 if self.server.failing else 200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        shown = {"error": "down for repair"} if self.server.failing else content
        self.wfile.write(json.dumps(shown, default=repr).encode())

    def log_message(self, *_):
        pass


def matching(things, query):
    predicates = json.loads(query.get("filter") or "{}").get("predicates", [])
    names = {predicate.get("stringValue", predicate.get("string_value")) for predicate in predicates}
    return [thing for thing in things if not names or thing["display_name"] in names]


@contextmanager
def kfp_stand_in() -> Iterator[KfpStandIn]:
    server = KfpStandIn()
    with serving(server):
        yield server
