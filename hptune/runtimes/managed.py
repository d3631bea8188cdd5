"""The managed environment: TensorFlow 2.15, the last with Estimators and Keras 2, made once for a user."""

from __future__ import annotations

import hashlib
import platform
import sys
from collections.abc import Sequence
from pathlib import Path

from hptune.errors import RuntimeNotReady
from hptune.runtimes import pip
from hptune.runtimes.cache import Progress, is_complete, make_once, runtimes_directory
from hptune.runtimes.interpreters import find

VERSIONS = ((3, 11), (3, 10), (3, 9))
"""Pythons that TensorFlow 2.15 has wheels for, the newest first."""

SIZE = "about 1.5 GB, once for all jobs"

_TENSORFLOW = "2.15.1"
# pandas and scikit-learn are the oldest with wheels for all these Pythons: later ones lack what trainers of
# that time use, such as DataFrame.append and SGDClassifier(loss="log"). NumPy's old names are given by
# `hptune_tf1`: what trainers ask for besides needs a newer one.
_PINS = (
    "tf_slim==1.1.0",
    "cloudml-hypertune==0.1.0.dev6",
    "google-api-core==2.30.3",
    "google-cloud-storage==2.19.0",
    "googleapis-common-protos==1.75.0",
    # Without this and python-dateutil pip looks for a google-cloud-bigquery that fits for ten minutes.
    "grpcio-status==1.62.3",
    "h5py==3.14.0",
    "joblib==1.5.3",
    "matplotlib==3.9.4",
    "numpy==1.26.4",
    "pandas==1.5.3",
    "pillow==11.3.0",
    "proto-plus==1.27.2",
    "protobuf==4.25.9",
    "python-dateutil==2.9.0.post0",
    "scikit-learn==1.1.3",
    "scipy==1.10.1",
    "six==1.17.0",
    # tf_slim and Estimators import pkg_resources.
    "setuptools==80.9.0",
)
STARTUP_VARIABLE = "HPTUNE_STARTUP"
"""Names the directory of the package hptune_tf1 to the environment's Pythons that are to be TensorFlow 1."""

# Not a copy of the package: the environment would have to be made again whenever it changes. A .pth file's
# lines are run when they begin with import.
_PTH = (
    f"import os, sys; _ = os.environ.get({STARTUP_VARIABLE!r}); "
    "_ and (sys.path.append(_), __import__('hptune_tf1').install())\n"
)


def requirements(tensorflow: str = "") -> tuple[str, ...]:
    """Returns what is installed: what ML Engine's runtimes had, as far as TensorFlow 2.15 works with it.

    Args:
        tensorflow: The package that TensorFlow comes in; empty for the one that suits this machine.
    """
    return (f"{tensorflow}=={_TENSORFLOW}" if tensorflow else _tensorflow(), *_PINS)


def _tensorflow() -> str:
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return f"tensorflow=={_TENSORFLOW}"
    if pip.has_nvidia_gpu():
        # With CUDA's libraries in the version that it needs.
        return f"tensorflow[and-cuda]=={_TENSORFLOW}"
    return f"tensorflow-cpu=={_TENSORFLOW}"


def directory() -> Path:
    """Returns the environment's place in the user's cache; its name changes with what it holds."""
    digest = hashlib.sha256("\n".join((*requirements(), _PTH)).encode())
    return runtimes_directory() / f"tensorflow-2.15-{digest.hexdigest()[:12]}"


def python() -> str:
    """Returns the environment's interpreter, whether it is there or not."""
    return str(directory() / "bin" / "python")


def is_ready() -> bool:
    """Returns whether the environment is there."""
    return is_complete(directory())


def prepare(progress: Progress) -> None:
    """Makes the environment, unless it is there.

    Raises:
        RuntimeNotReady: There is no Python for it, or pip cannot install it.
    """
    make_once(directory(), lambda path: _make(path, progress), progress)


def _make(path: Path, progress: Progress) -> None:
    found = find(VERSIONS)
    if found is None:
        raise RuntimeNotReady(_no_python())
    progress(f"makes an environment for TensorFlow 1 and Keras 2 with {found.path} ({SIZE}): {path}")
    fill(path, found.path, requirements(), progress)


def fill(path: Path, base: str, wanted: Sequence[str], progress: Progress) -> None:
    """Makes the environment in a directory, on this machine or in an image's build.

    Args:
        path: The directory.
        base: The Python that it is made of, one of `VERSIONS`.
        wanted: What is installed there.
        progress: Is told what pip does.

    Raises:
        RuntimeNotReady: pip cannot install it.
    """
    environment = pip.make_venv(base, path)
    pip.install(environment, wanted, progress)
    site = pip.site_packages(environment)
    (site / "hptune_tf1.pth").write_text(_PTH, encoding="ascii")


def _no_python() -> str:
    names = " or ".join(f"python{major}.{minor}" for major, minor in VERSIONS)
    return (
        f"TensorFlow 1 needs Python 3.9, 3.10 or 3.11: none of {names} is on PATH or below ~/.pyenv "
        f"(hptune itself runs on {platform.python_version()}); install one, with its venv module, "
        "for example: pyenv install 3.11, or apt-get install python3.11-venv"
    )
