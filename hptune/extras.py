"""Names the command that installs what a program of ours lacks, as this installation was made."""

from __future__ import annotations

import json
import shlex
import sys
from importlib import metadata, util
from pathlib import Path

# The extra of hptune that brings a package, by the package's top-level module.
_EXTRAS = {
    "docker": "pipelines",
    "gcsfs": "gcs",
    "grpc": "katib",
    "grpc_health": "katib",
    "kfp": "pipelines",
    "kubernetes": "katib",
    "optuna_dashboard": "dashboard",
    "pandas": "pandas",
    "s3fs": "s3",
}


def explain_missing(error: ModuleNotFoundError) -> str:
    """Says which extra of hptune has a module that was not found, and how to install it.

    Returns:
        One line; empty where no extra has the module.
    """
    module = (error.name or "").partition(".")[0]
    extra = _EXTRAS.get(module)
    if extra is None:
        return ""
    return f"this needs the Python package {module}, which hptune[{extra}] brings: {install_command(extra)}"


def install_command(extra: str) -> str:
    """Returns the command that adds an extra to this installation of hptune, quoted for a shell."""
    python = shlex.quote(sys.executable)
    words = " ".join(shlex.quote(word) for word in _requirement(extra))
    if (Path(sys.prefix) / "pipx_metadata.json").is_file():
        return f"pipx runpip hptune install {words}"
    if util.find_spec("pip") is None:
        return f"uv pip install --python {python} {words}"
    return f"{python} -m pip install {words}"


def _requirement(extra: str) -> list[str]:
    """Returns pip's words for hptune with an extra, from where hptune came from."""
    # In a clone's root Python first finds what a build left there, which says nothing of where it came from.
    told = (each.read_text("direct_url.json") for each in metadata.distributions(name="hptune"))
    origin = json.loads(next(filter(None, told), "{}"))
    url = str(origin.get("url", ""))
    if origin.get("dir_info", {}).get("editable"):
        return ["--editable", f"{url.removeprefix('file://')}[{extra}]"]
    if vcs := origin.get("vcs_info"):
        return [f"hptune[{extra}] @ {vcs['vcs']}+{url}@{vcs['commit_id']}"]
    return [f"hptune[{extra}] @ {url}" if url else f"hptune[{extra}]"]
