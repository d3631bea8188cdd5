"""``python -m hptune.trial.pod.carry DIRECTORY``: copies the trial program for a container without it.

An image of the user's has whatever its trainer needs: another Python or none, another C library or none. So
the program comes with its own interpreter, with the shared libraries of that and with the loader that maps
them; all that it needs of the image is ``/bin/sh``. This program runs in hptune's image before the trainer's
container starts, and writes to a volume that both mount:

    DIRECTORY/run            starts a module of ours: sh DIRECTORY/run hptune.trial
    DIRECTORY/ld.so          the loader, whatever it is called on this processor
    DIRECTORY/lib/           shared libraries
    DIRECTORY/lib/python3.x/ Python's own modules, ours and what those import
    DIRECTORY/bin/python     the interpreter, to be started by the loader
    DIRECTORY/ca.pem         certificates of authorities
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import click
from packaging.requirements import Requirement

import hptune
from hptune.console.program import PATH, run_command
from hptune.errors import HptuneError

DISTRIBUTIONS = (
    *("aiohttp", "click", "fsspec", "gcsfs", "packaging", "protobuf", "pydantic", "pyyaml", "rich", "s3fs"),
    "tenacity",
)
"""What the trial program imports, copied with what each of them requires, where it is installed."""
ALONE = ("hptune", "tensorboard")
"""What is copied without: a trial needs but a part of it."""

_NOT_NEEDED = shutil.ignore_patterns(
    *("test", "tests", "idlelib", "tkinter", "turtledemo", "ensurepip", "lib2to3", "config-3*"),
    *("site-packages", "dist-packages", "pydoc_data", "__pycache__", "_tkinter*", "_test*", "_xx*"),
)
# The C library loads these by name, where it resolves hosts and ends threads.
_LOADED_BY_NAME = ("libnss_files.so.2", "libnss_dns.so.2", "libresolv.so.2", "libgcc_s.so.1")
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_NEEDED = re.compile(r"^\s*\S+ => (/\S+) \(0x", re.MULTILINE)
_LOADER = re.compile(r"/\S*/ld(?:-linux|64|-)\S*\.so\S*")

# No variable of Python's counts (-I), nor what the image preloads and caches. The trainer gets as it was what
# is changed for this program: `hptune.trial.pod.carried`.
_RUN = """\
#!/bin/sh
here=${0%/*}
if [ -n "${LD_PRELOAD:-}" ]; then
    export HPTUNE_LD_PRELOAD="$LD_PRELOAD"
    unset LD_PRELOAD
fi
if [ -z "${SSL_CERT_FILE:-}" ] && [ -f "$here/ca.pem" ]; then
    export SSL_CERT_FILE="$here/ca.pem"
fi
if [ ! -w "${TMPDIR:-/tmp}" ]; then
    export TMPDIR=/hptune
fi
exec "$here/ld.so" --inhibit-cache --library-path "$here/lib" "$here/bin/python" -I -m "$@"
"""


@click.command()
@click.argument("directory", type=PATH)
def main(directory: Path) -> None:
    """Copies the trial program to DIRECTORY, with all that it needs to run."""
    carry(directory)


def carry(directory: Path) -> None:
    """Copies the trial program.

    Args:
        directory: Where to; it is there, and everybody may read what is written.

    Raises:
        HptuneError: This interpreter is none that can be copied.
    """
    modules = directory / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}"
    shutil.copytree(sysconfig.get_path("stdlib"), modules, ignore=_NOT_NEEDED, dirs_exist_ok=True)
    # Of a checkout that is installed as it is, the distribution names no modules.
    shutil.copytree(Path(hptune.__file__).parent, modules / "hptune", dirs_exist_ok=True)
    for each in (*_with_requirements(DISTRIBUTIONS), *filter(None, map(_find, ALONE))):
        _copy_files(each, modules)
    python = directory / "bin" / "python"
    _copy(Path(sys.executable).resolve(), python)
    _copy(_loader(), directory / "ld.so")
    for library in sorted(_libraries([python, *modules.rglob("*.so")])):
        _copy(library, directory / "lib" / library.name)
    if _CERTIFICATES.is_file():
        _copy(_CERTIFICATES, directory / "ca.pem")
    (directory / "run").write_text(_RUN, encoding="ascii")


def _find(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def _with_requirements(names: Iterable[str]) -> Iterator[Distribution]:
    """Yields distributions that are installed, and what they require, each once."""
    seen, left = set(), list(names)
    while left:
        name = re.sub(r"[-_.]+", "-", left.pop()).lower()
        found = None if name in seen else _find(name)
        seen.add(name)
        if found is None:
            continue
        yield found
        required = map(Requirement, found.requires or ())
        left += [each.name for each in required if each.marker is None or each.marker.evaluate({"extra": ""})]


def _copy_files(each: Distribution, target: Path) -> None:
    for file in each.files or ():
        # Commands and the like lie above it.
        if ".." not in file.parts:
            _copy(Path(str(file.locate())), target / file)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)


def _loader() -> Path:
    """Returns the program that maps this interpreter and its libraries."""
    found = _LOADER.search(Path("/proc/self/maps").read_text(encoding="utf-8"))
    if found is None:
        raise HptuneError("this interpreter is linked statically or to another C library than glibc")
    return Path(found[0])


def _libraries(files: Iterable[Path]) -> set[Path]:
    """Returns the shared libraries that files need, but for those that lie beside them."""
    loader, found = str(_loader()), set()
    for file in files:
        listed = subprocess.run([loader, "--list", str(file)], capture_output=True, text=True, check=False)
        found |= {Path(path) for path in _NEEDED.findall(listed.stdout)}
    own = files if isinstance(files, list) else list(files)
    system = {path.parent for path in found if path.name.startswith("libc.so")}
    found |= {folder / name for folder in system for name in _LOADED_BY_NAME if (folder / name).is_file()}
    return {path for path in found if not any(path.is_relative_to(each.parent) for each in own)}


if __name__ == "__main__":
    run_command(main, "python -m hptune.trial.pod.carry")
