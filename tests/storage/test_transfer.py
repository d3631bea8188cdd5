from __future__ import annotations

import os
import re
import socket
import stat
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from fsspec.registry import _registry

from hptune.errors import HptuneError, StorageError, UsageError
from hptune.extras import install_command
from hptune.retry import ONCE, WEB_SERVER, Patience
from hptune.storage.remote import is_remote, redacted
from hptune.storage.transfer import atomic_file, fetch, put
from tests.serving import serving

CONTENT = bytes(range(256)) * 400
Answer = Callable[[BaseHTTPRequestHandler], None]


def whole(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(CONTENT)))
    handler.end_headers()
    handler.wfile.write(CONTENT)


def without_length(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(CONTENT)


def marked_as_gzip(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(CONTENT)))
    handler.send_header("Content-Encoding", "gzip")
    handler.end_headers()
    handler.wfile.write(CONTENT)


def truncated(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(CONTENT)))
    handler.end_headers()
    handler.wfile.write(CONTENT[: len(CONTENT) // 2])


def reset(handler: BaseHTTPRequestHandler) -> None:
    linger_zero = b"\x01\x00\x00\x00\x00\x00\x00\x00"
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_zero)
    handler.connection.close()


def silent(_handler: BaseHTTPRequestHandler) -> None:
    time.sleep(0.6)


def status(code: int) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        handler.send_header("Content-Length", "4")
        handler.end_headers()
        handler.wfile.write(b"body")

    return answer


def redirect(location: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", location)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


class Server:
    """Gives the answers in their order, the last one again and again, and counts the requests."""

    def __init__(self) -> None:
        self.answers: list[Answer] = [whole]
        self.requests = 0
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                answer = server.answers[min(server.requests, len(server.answers) - 1)]
                server.requests += 1
                answer(self)

            def log_message(self, *_: object) -> None:
                pass

        class Quiet(ThreadingHTTPServer):
            def handle_error(self, *_: object) -> None:
                pass

        self.http = Quiet(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/data.bin"


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    with serving(running.http):
        yield running


def test_fetch_over_http_gives_the_bytes_and_tells_the_progress(server: Server, tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    fetch(server.url, tmp_path / "new" / "data.bin", progress=lambda done, total: seen.append((done, total)))
    assert (tmp_path / "new" / "data.bin").read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert server.requests == 1


@pytest.mark.parametrize("answer", [without_length, marked_as_gzip], ids=lambda answer: answer.__name__)
def test_fetch_stores_the_bytes_as_sent(server: Server, tmp_path: Path, answer: Answer) -> None:
    server.answers = [answer]
    fetch(server.url, tmp_path / "data.bin")
    assert (tmp_path / "data.bin").read_bytes() == CONTENT


@pytest.mark.parametrize(
    "fault",
    [status(500), status(503), status(429), truncated, reset, silent],
    ids=["500", "503", "429", "truncated", "reset", "silent"],
)
def test_fetch_tries_again_after_a_fault_that_may_pass(server: Server, tmp_path: Path, fault: Answer) -> None:
    server.answers = [fault, fault, whole]
    fetch(server.url, tmp_path / "data.bin", timeout_s=0.2, patience=replace(WEB_SERVER, first_pause_s=0.01))
    assert (tmp_path / "data.bin").read_bytes() == CONTENT
    assert server.requests == 3


@pytest.mark.parametrize(("fault", "reason"), [(status(503), "503"), (truncated, "not completed")])
def test_fetch_gives_up_after_the_attempts_and_leaves_the_old_file(
    server: Server, tmp_path: Path, fault: Answer, reason: str
) -> None:
    destination = tmp_path / "data.bin"
    destination.write_bytes(b"old")
    server.answers = [fault]
    with pytest.raises(StorageError, match=rf"{reason}.*after 3 attempts"):
        fetch(server.url, destination, patience=Patience(attempts=3, first_pause_s=0.01))
    assert server.requests == 3
    assert destination.read_bytes() == b"old"
    assert names(tmp_path) == ["data.bin"]


@pytest.mark.parametrize(
    ("code", "kind", "reason"), [(404, UsageError, "no such file"), (403, StorageError, "answered 403")]
)
def test_fetch_does_not_repeat_what_cannot_pass(
    server: Server, tmp_path: Path, code: int, kind: type[HptuneError], reason: str
) -> None:
    server.answers = [status(code)]
    with pytest.raises(kind, match=reason):
        fetch(server.url, tmp_path / "data.bin")
    assert server.requests == 1
    assert names(tmp_path) == []


@pytest.mark.parametrize("answer", [whole, without_length], ids=lambda answer: answer.__name__)
def test_fetch_stops_at_the_size_allowed(server: Server, tmp_path: Path, answer: Answer) -> None:
    server.answers = [answer]
    with pytest.raises(StorageError, match="larger than the 1000 bytes allowed"):
        fetch(server.url, tmp_path / "data.bin", max_bytes=1000)
    assert names(tmp_path) == []


def test_a_refused_connection_names_the_address(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/x"
        with pytest.raises(StorageError, match=rf"{url}: ClientConnectorError.*after 2 attempts"):
            fetch(url, tmp_path / "x", patience=Patience(attempts=2, first_pause_s=0.01))


def test_messages_keep_secrets(server: Server, tmp_path: Path) -> None:
    secret = server.url.replace("http://", "http://user:pass-word@") + "?signature=abc123"
    for answer in (
        status(403),
        status(404),
        truncated,
        redirect("http://u:pass-word@192.0.2.1/?signature=abc123"),
    ):
        server.answers = [answer]
        with pytest.raises(HptuneError) as caught:
            fetch(secret, tmp_path / "x", patience=ONCE)
        assert "http://***@" in str(caught.value)
        assert caught.value.__cause__ is None
        for word in ("user", "pass-word", "abc123"):
            assert word not in str(caught.value)


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("https://u:p@host/a/b.npz?token=t#f", "https://***@host/a/b.npz?***"),
        ("https://host/a@b.npz", "https://host/a@b.npz"),
        ("gs://bucket/key", "gs://bucket/key"),
        ("/data/what?.npz", "/data/what?.npz"),
    ],
)
def test_redacted(uri: str, shown: str) -> None:
    assert redacted(uri) == shown


def test_a_redirect_is_followed_on_this_machine_and_refused_off_it(server: Server, tmp_path: Path) -> None:
    server.answers = [redirect("/other"), whole]
    fetch(server.url, tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == CONTENT
    server.answers, server.requests = [redirect("http://192.0.2.1/data.bin")], 0
    with pytest.raises(UsageError, match=r"http://192\.0\.2\.1/data\.bin: not encrypted"):
        fetch(server.url, tmp_path / "y")


@pytest.mark.parametrize(
    "location",
    [
        "https://169.254.169.254/computeMetadata/v1/",
        "https://10.0.0.1/",
        "https://127.0.0.2/",
        "https://2130706433/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[fe80::1]/",
        "https://localhost/",
        "http://localhost/",
    ],
)
def test_a_redirect_to_this_machine_or_its_network_is_refused(
    server: Server, tmp_path: Path, location: str
) -> None:
    server.answers = [redirect(location)]
    with pytest.raises(UsageError, match=r"a redirect to .*, an address that is not public"):
        fetch(server.url, tmp_path / "x")
    assert server.requests == 1


@pytest.mark.parametrize(
    "location", ["file:///etc/passwd", "ftp://192.0.2.1/x", "data:text/plain,x", "gopher://h/"]
)
def test_a_redirect_to_another_scheme_is_refused(server: Server, tmp_path: Path, location: str) -> None:
    server.answers = [redirect(location)]
    with pytest.raises(HptuneError):
        fetch(server.url, tmp_path / "x", patience=ONCE)
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("uri", "problem"),
    [
        ("ftp://host/x", r"scheme 'ftp' is not known; allowed: gs://, s3://.*plain paths"),
        ("memory://x", "scheme 'memory' is not known"),
        ("http://example.com/x", "not encrypted; allowed: https://"),
        ("http://127.0.0.1.example.com/x", "not encrypted"),
        ("s3://bucket", "names no bucket or no file in it; allowed: s3://bucket/key"),
        ("gs:///key", "names no bucket"),
        ("https:///x", "names no host"),
        ("https://host:99999/x", "not a web address"),
        ("file://elsewhere/x", "host 'elsewhere'"),
        ("no/such/file", "no such file"),
    ],
)
def test_addresses_that_are_refused(tmp_path: Path, uri: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem) as caught:
        fetch(uri, tmp_path / "x")
    assert str(caught.value).startswith(uri)
    assert names(tmp_path) == []


@pytest.mark.parametrize(("scheme", "module", "extra"), [("gs", "gcsfs", "gcs"), ("s3", "s3fs", "s3")])
def test_a_missing_package_is_named_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str, module: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    # Where another test has used it, fsspec remembers.
    monkeypatch.delitem(_registry, scheme, raising=False)
    with pytest.raises(UsageError, match=f"{re.escape(install_command(extra))}$"):
        fetch(f"{scheme}://bucket/key", tmp_path / "x")


def test_minio_without_an_endpoint_names_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("MINIO_ENDPOINT", "minio-service:9000")
    with pytest.raises(UsageError, match="MINIO_ENDPOINT is 'minio-service:9000'; allowed: http://host:port"):
        fetch("minio://bucket/key", tmp_path / "x")


def test_local_files_by_path_and_by_file_uri(tmp_path: Path) -> None:
    source = tmp_path / "with space.bin"
    source.write_bytes(CONTENT)
    seen: list[tuple[int, int | None]] = []
    fetch(str(source), tmp_path / "a", progress=lambda done, total: seen.append((done, total)))
    fetch(source.as_uri(), tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    with pytest.raises(StorageError, match="larger than"):
        fetch(str(source), tmp_path / "c", max_bytes=10)


def test_a_directory_or_a_pipe_is_no_file_to_fetch(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for source in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(UsageError, match="not a regular file"):
            fetch(str(source), tmp_path / "x")


def test_an_unwritable_destination_is_named(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"x")
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(StorageError, match=r"file/x: cannot be written: "):
        fetch(str(tmp_path / "source"), tmp_path / "file" / "x")


def test_atomic_file_keeps_the_old_content_when_the_body_fails(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"old")
    with pytest.raises(TypeError), atomic_file(target) as temporary, temporary.open("wb") as stream:
        stream.write(["half", stream.write(b"half")])
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == ["target"]


def test_atomic_file_has_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    with atomic_file(tmp_path / "atomic") as temporary:
        temporary.write_bytes(b"x")
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "atomic")}
    assert len(modes) == 1


def test_put_copies_a_file_and_a_tree(tmp_path: Path) -> None:
    tree = tmp_path / "trial"
    (tree / "logs").mkdir(parents=True)
    (tree / "model.bin").write_bytes(b"model")
    (tree / "logs" / "events").write_bytes(b"events")
    put(tree, (tmp_path / "bucket").as_uri())
    put(tree / "model.bin", str(tmp_path / "bucket" / "copy.bin"))
    found = {str(p.relative_to(tmp_path / "bucket")) for p in (tmp_path / "bucket").rglob("*") if p.is_file()}
    assert found == {"model.bin", "logs/events", "copy.bin"}
    assert (tmp_path / "bucket" / "logs" / "events").read_bytes() == b"events"


def test_put_refuses_web_addresses_and_missing_sources(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="read only"):
        put(tmp_path, "https://host/x")
    with pytest.raises(UsageError, match="no such file"):
        put(tmp_path / "none", str(tmp_path / "x"))


def test_is_remote() -> None:
    assert all(map(is_remote, ("gs://b/k", "S3://b/k", "minio://b/k", "https://h/p")))
    assert not any(map(is_remote, ("data.npz", "/data.npz", "file:///data.npz", "C:/data", "a:b")))
