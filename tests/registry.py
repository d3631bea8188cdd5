"""A registry of images that stands in for a real one: it speaks the protocol and has no layers."""

import base64
import hashlib
import http.server
import json
from contextlib import contextmanager

from tests.serving import serving

OCI = "application/vnd.oci.image"


class Registry(http.server.ThreadingHTTPServer):
    """Has one image, ``ADDRESS/team/trainer:1``.

    Args:
        config: What its configuration has under ``config``.
        architectures: Where there are several, an index stands before the image.
        login: User and password that the registry gives a token for; None lets everybody read.
    """

    daemon_threads = True

    def __init__(self, config, architectures=(), login=None):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.login, self.asked, self.files = login, [], {}
        manifests = [self._image({"architecture": each, "config": config}) for each in architectures or ("",)]
        top = manifests[0]
        if architectures:
            platforms = [{"os": "linux", "architecture": each} for each in architectures]
            entries = [
                {"digest": digest, "platform": platform}
                for digest, platform in zip(manifests, platforms, strict=True)
            ]
            top = self._put({"manifests": entries}, f"{OCI}.index.v1+json")
        self.files["1"] = self.files[top]

    @property
    def address(self):
        return f"127.0.0.1:{self.server_port}"

    @property
    def image(self):
        return f"{self.address}/team/trainer:1"

    def _image(self, config):
        digest = self._put(config, f"{OCI}.config.v1+json")
        return self._put({"config": {"digest": digest}, "layers": []}, f"{OCI}.manifest.v1+json")

    def _put(self, content, media_type):
        body = json.dumps(content).encode()
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        self.files[digest] = (media_type, body)
        return digest


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        registry = self.server
        registry.asked.append(self.path)
        if self.path.startswith("/token"):
            user = base64.b64encode(":".join(registry.login or ()).encode()).decode()
            if self.headers.get("Authorization") == f"Basic {user}":
                return self._answer(200, b'{"token": "t"}')
            return self._answer(401)
        if registry.login and self.headers.get("Authorization") != "Bearer t":
            scope = 'service="s",scope="repository:team/trainer:pull"'
            realm = f'Bearer realm="http://{registry.address}/token",{scope}'
            return self._answer(401, headers={"Www-Authenticate": realm})
        found = registry.files.get(self.path.rpartition("/")[2])
        if found is None or not self.path.startswith("/v2/team/trainer/"):
            return self._answer(404, b'{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "unknown"}]}')
        return self._answer(200, found[1], {"Content-Type": found[0]})

    def _answer(self, code, body=b"{}", headers=None):
        self.send_response(code)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Keeps quiet."""


@contextmanager
def registry(config, **more):
    """Runs one for as long as the body takes."""
    server = Registry(config, **more)
    with serving(server):
        yield server
