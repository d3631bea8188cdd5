"""Virtual environments, and pip in them; the user's configuration of pip is honoured."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from packaging.utils import canonicalize_name

from hptune.errors import RuntimeNotReady
from hptune.runtimes.cache import Progress
from hptune.runtimes.processes import die_with_parent

_SHOWN_LINES = 12
_SHOWN_COLUMNS = 160
# Of what pip prints, what takes long: downloads of megabytes, building, unpacking.
_TELLING = re.compile(r"\s*(?:Downloading .* MB\)|Building wheel for|Installing collected packages)")
# The interpreter may be Python 2.
_LACKING = """
import json, sys
try:
    from importlib.util import find_spec as find
except ImportError:
    from pkgutil import find_loader as find
print(json.dumps([find(name) is None for name in sys.argv[1:]]))
"""
_SITE = "import json, sysconfig; print(json.dumps(sysconfig.get_path('purelib')))"
_BASE_SITE = "import json, sys; print(json.dumps([p for p in sys.path if p.endswith('-packages')]))"


def make_venv(python: str, directory: Path) -> str:
    """Makes a virtual environment; returns the path of its interpreter.

    Raises:
        RuntimeNotReady: It could not be made.
    """
    problem = f"a virtual environment of {python} could not be made"
    try:
        with started([python, "-m", "venv", str(directory)]) as process:
            output, _ = process.communicate()
    except OSError as error:
        raise RuntimeNotReady(f"{problem}: {error}") from None
    if process.returncode:
        raise RuntimeNotReady(_with_last_lines(problem, output))
    return str(directory / "bin" / "python")


def install(python: str, arguments: Sequence[str], progress: Progress) -> None:
    """Has pip install into the environment of an interpreter.

    Args:
        python: The interpreter.
        arguments: For ``pip install``: requirements and options.
        progress: Is told what pip downloads, builds and unpacks.

    Raises:
        RuntimeNotReady: pip could not; its last lines are in the message.
    """
    command = [
        python,
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--no-input",
        "--progress-bar=off",
    ]
    last: deque[str] = deque(maxlen=_SHOWN_LINES)
    with started([*command, *arguments]) as process:
        for line in process.stdout or ():
            last.append(line.rstrip())
            if _TELLING.match(line):
                progress(f"  {line.strip()[:_SHOWN_COLUMNS]}")
    if process.returncode:
        raise RuntimeNotReady("pip could not install what the trainer needs:\n" + "\n".join(last))


def started(command: Sequence[str]) -> subprocess.Popen[str]:
    """Starts a program that ends with this one, and holds until then the locks that are to be inherited.

    Raises:
        OSError: It cannot be started.
    """
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        # Python's own descriptors are inherited only where that is asked for.
        close_fds=False,
        preexec_fn=die_with_parent(),
    )


def installed(python: str) -> dict[str, str]:
    """Returns the packages that an interpreter has: version by canonical name.

    Raises:
        RuntimeNotReady: It has no pip.
    """
    command = [python, "-m", "pip", "list", "--format=json", "--disable-pip-version-check"]
    listed = json.loads(_run(command, f"{python} cannot list its packages"))
    return {canonicalize_name(package["name"]): package["version"] for package in listed}


def lacking(python: str, packages: Sequence[str]) -> tuple[str, ...]:
    """Returns the packages that an interpreter cannot import, as far as can be told without doing so."""
    if not packages:
        return ()
    answers = json.loads(_run([python, "-c", _LACKING, *packages], f"{python} cannot be run"))
    return tuple(name for name, missing in zip(packages, answers, strict=True) if missing)


def has_nvidia_gpu() -> bool:
    """Returns whether packages with CUDA's libraries are of use on this machine."""
    return shutil.which("nvidia-smi") is not None


def site_packages(python: str) -> Path:
    """Returns where pip installs for an interpreter."""
    return Path(json.loads(_run([python, "-c", _SITE], f"{python} cannot be run")))


def package_paths(python: str) -> list[str]:
    """Returns the directories of packages on an interpreter's path."""
    paths: list[str] = json.loads(_run([python, "-c", _BASE_SITE], f"{python} cannot be run"))
    return paths


def _run(command: list[str], problem: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise RuntimeNotReady(f"{problem}: {error}") from None
    if done.returncode:
        raise RuntimeNotReady(_with_last_lines(problem, done.stdout + done.stderr))
    return done.stdout


def _with_last_lines(problem: str, printed: str) -> str:
    return f"{problem}:\n" + "\n".join(printed.strip().splitlines()[-_SHOWN_LINES:])
