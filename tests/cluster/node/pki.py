"""The cluster's certificates and the kube configurations that hold them, valid for a month."""

import json
from pathlib import Path

from tests.cluster import settings
from tests.cluster.shell import run

DIRECTORY = settings.STATE / "pki"
_DAYS = "30"
_API_NAMES = (
    *("DNS:localhost", "DNS:kubernetes", "DNS:kubernetes.default", "DNS:kubernetes.default.svc"),
    *("DNS:kubernetes.default.svc.cluster.local", "IP:127.0.0.1"),
    *(f"IP:{settings.NODE_IP}", f"IP:{settings.API_SERVICE_IP}"),
)
# Whom each certificate names, and at which names and addresses it answers.
_CERTIFICATES: dict[str, tuple[str, tuple[str, ...]]] = {
    "apiserver": ("/CN=kube-apiserver", _API_NAMES),
    "admin": ("/O=system:masters/CN=admin", ()),
    "controller": ("/CN=system:kube-controller-manager", ()),
    "scheduler": ("/CN=system:kube-scheduler", ()),
    "proxy": ("/CN=system:kube-proxy", ()),
    "node": (
        f"/O=system:nodes/CN=system:node:{settings.NODE}",
        (f"DNS:{settings.NODE}", f"IP:{settings.NODE_IP}"),
    ),
    "front": ("/CN=front-proxy", ()),
}
_USERS = ("admin", "controller", "scheduler", "proxy", "node")


def certificate(name: str) -> Path:
    """The certificate's file."""
    return DIRECTORY / f"{name}.crt"


def key(name: str) -> Path:
    """The file of its private key."""
    return DIRECTORY / f"{name}.key"


def configuration(name: str) -> Path:
    """The kube configuration of a user."""
    return settings.STATE / "etc" / f"{name}.conf"


def make() -> None:
    """Makes all of them, unless they are there."""
    if configuration(_USERS[-1]).exists():
        return
    DIRECTORY.mkdir(parents=True, exist_ok=True, mode=0o700)
    configuration("admin").parent.mkdir(parents=True, exist_ok=True)
    new_key = ("-newkey", "rsa:2048", "-nodes")
    run("openssl", "req", "-x509", *new_key, "-keyout", key("ca"), "-out", certificate("ca"), "-subj",
        "/CN=hptune-test-cluster", "-days", _DAYS)  # fmt: skip
    run("openssl", "genrsa", "-out", key("tokens"), "2048")
    run("openssl", "rsa", "-in", key("tokens"), "-pubout", "-out", DIRECTORY / "tokens.pub")
    for name, (subject, names) in _CERTIFICATES.items():
        _sign(name, subject, names)
    for name in _USERS:
        write_configuration(name, configuration(name))


def _sign(name: str, subject: str, names: tuple[str, ...]) -> None:
    request, extensions = DIRECTORY / f"{name}.csr", DIRECTORY / f"{name}.ext"
    lines = ["extendedKeyUsage=serverAuth,clientAuth"]
    if names:
        lines.append(f"subjectAltName={','.join(names)}")
    extensions.write_text("\n".join(lines) + "\n")
    run(
        "openssl",
        "req",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        key(name),
        "-subj",
        subject,
        "-out",
        request,
    )
    run("openssl", "x509", "-req", "-in", request, "-CA", certificate("ca"), "-CAkey", key("ca"),
        "-CAcreateserial", "-days", _DAYS, "-out", certificate(name), "-extfile", extensions)  # fmt: skip


def sign_user(name: str, group: str, path: Path) -> None:
    """Writes a kube configuration for a user of this name and group, with the rights bound to them."""
    if not certificate(name).exists():
        _sign(name, f"/O={group}/CN={name}", ())
    write_configuration(name, path)


def write_configuration(name: str, path: Path) -> None:
    """Writes the kube configuration of the user whom a certificate names; JSON is YAML."""
    cluster = {"server": settings.API, "certificate-authority": str(certificate("ca"))}
    user = {"client-certificate": str(certificate(name)), "client-key": str(key(name))}
    context = {"cluster": "hptune", "user": name}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "hptune-test",
        "clusters": [{"name": "hptune", "cluster": cluster}],
        "users": [{"name": name, "user": user}],
        "contexts": [{"name": "hptune-test", "context": context}],
    }
    path.write_text(json.dumps(content, indent=1))
    path.chmod(0o600)
