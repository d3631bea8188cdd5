"""Installs with pip what hashes.txt has, and nothing that differs from it by a byte.

python install.py [--others] HASHES ARGUMENT...

The arguments are those of ``pip install``. A package that HASHES does not have ends the build; with --others,
which is for what a trainer of the user's asks for, it is installed as pip finds it, and named.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from pip._vendor.packaging.utils import canonicalize_name

_PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)((?:[ \\\n]+--hash=\S+)+)", re.MULTILINE)


def read_hashes(text: str) -> dict[tuple[str, str], list[str]]:
    """Reads a file of requirements with hashes: its --hash options by name and version."""
    return {
        (canonicalize_name(name), version): options.replace("\\", " ").split()
        for name, version, options in _PIN.findall(text)
    }


def pip(*arguments: str) -> str:
    """Runs ``pip install``; returns what it wrote to standard output. A failure ends this program."""
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", *arguments], stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        sys.exit(done.returncode)
    return done.stdout


def resolve(arguments: list[str]) -> list[tuple[str, str]]:
    """Returns name and version of what pip would install."""
    report = json.loads(pip("--dry-run", "--quiet", "--report=-", *arguments))
    found = [item["metadata"] for item in report["install"]]
    return [(canonicalize_name(each["name"]), each["version"]) for each in found]


def main(arguments: list[str]) -> None:
    """Installs; exits with a message where a package has no hash."""
    others_allowed = arguments[0] == "--others"
    hashes, *arguments = arguments[others_allowed:]
    known = read_hashes(Path(hashes).read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        pins, locked = Path(folder, "pins.txt"), Path(folder, "locked.txt")
        pins.write_text("".join(f"{name}=={version}\n" for name, version in known), encoding="utf-8")
        arguments = [f"--constraint={pins}", *arguments]
        wanted = resolve(arguments)
        others = [f"{name}=={version}" for name, version in wanted if (name, version) not in known]
        if others:
            message = f"{Path(hashes).name} has no hash of {', '.join(others)}"
            if not others_allowed:
                sys.exit(f"{message}; `make constraints` writes it")
            print(message, file=sys.stderr)
        lines = [" ".join([f"{each[0]}=={each[1]}", *known[each]]) for each in wanted if each in known]
        if lines:
            locked.write_text("\n".join([*lines, ""]), encoding="utf-8")
            print(pip("--no-deps", "--require-hashes", f"--requirement={locked}"), end="")
        if others:
            print(pip(*arguments), end="")


if __name__ == "__main__":
    main(sys.argv[1:])
