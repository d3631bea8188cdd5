"""Asks this machine's Docker engine, by its own client.

The client and no library of it: it knows the user's contexts, credentials and plugins, and podman's takes the
same words. ``DOCKER`` names it where it is not ``docker``.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Sequence

from hptune.errors import Fault, UsageError
from hptune.runtimes.cache import Progress
from hptune.runtimes.image import Image

PLACE_LABEL = "hptune.dev/trials"
"""A container's label: the directory that has what hptune keeps of the trial beside that of other ones."""

_PATIENCE_S = 60


def client() -> str:
    """Returns the engine's client, as a word or a path."""
    return os.environ.get("DOCKER") or "docker"


def check_engine(image: str, place: str) -> None:
    """Sees to it that an engine answers.

    Args:
        image: What is to run there, for the message.
        place: Where it is named, likewise.

    Raises:
        UsageError: None does.
    """
    without = "--module-name runs the trainer without its image, --command with --runtime python does"
    if shutil.which(client()) is None:
        problem = f"{image} needs Docker, and there is no {client()!r} on PATH: install it; {without}"
        raise UsageError(Fault(place, problem))
    answer = _ask("version", "--format", "{{.Server.Version}}")
    if answer.returncode:
        problem = (
            f"{image} needs a Docker engine, and none answers: {_last_line(answer)}: start it; {without}"
        )
        raise UsageError(Fault(place, problem))


def far_engine() -> str:
    """Returns the address of the engine where that is on another machine, as far as the client says."""
    address = (
        os.environ.get("DOCKER_HOST")
        or _ask("context", "inspect", "--format", "{{.Endpoints.docker.Host}}").stdout.strip()
    )
    return address if address.startswith(("ssh://", "tcp://", "http://", "https://")) else ""


def find_image(name: str) -> Image | None:
    """Finds an image on this machine by its name or id."""
    answer = _ask("image", "inspect", name)
    if answer.returncode:
        return None
    content = json.loads(answer.stdout)[0]
    return Image.of(content.get("Config") or {}, content["Id"])


def pull(name: str, place: str, progress: Progress) -> Image:
    """Pulls an image from its registry; the client shows on standard error how far it is.

    Args:
        name: The image.
        place: Where it is named, for messages.
        progress: Is told what is done.

    Raises:
        UsageError: It could not be pulled.
    """
    progress(f"pulls {name}, which is not on this machine")
    command = [client(), "pull", name]
    # Its progress is no result of the command's.
    ended = subprocess.run(command, stdout=2, stderr=subprocess.PIPE, text=True, check=False)
    image = find_image(name) if ended.returncode == 0 else None
    if image is None:
        ways = f"check its name, build it here, or log in with: {client()} login"
        raise UsageError(Fault(place, f"{name} could not be pulled: {_last_line(ended)}; {ways}"))
    return image


def remove(name: str) -> None:
    """Ends a container, if there is one of this name, and removes it."""
    _ask("rm", "--force", name)


def remove_of(place: str) -> None:
    """Ends and removes the containers of a job, of which nobody else may run trials.

    Args:
        place: Their `PLACE_LABEL`.
    """
    found = _ask("ps", "--all", "--quiet", "--filter", f"label={PLACE_LABEL}={place}").stdout.split()
    if found:
        _ask("rm", "--force", *found)


def ran_out_of_memory(name: str, since_s: float) -> bool:
    """Returns whether the kernel ended a process of a container at the container's own limit of memory.

    Args:
        name: The container's name; it may be gone.
        since_s: When it began, in seconds since the epoch.
    """
    filters = ("--filter", f"container={name}", "--filter", "event=oom")
    times = (f"--since={since_s:.3f}", f"--until={time.time():.3f}")
    answer = _ask("events", *times, *filters, "--format", "{{.Action}}")
    return answer.returncode == 0 and "oom" in answer.stdout.split()


def hand_over(image: str, paths: Sequence[str], owner: str) -> bool:
    """Gives files that a container's user owns to another one, by the image's own ``chown``.

    Args:
        image: The image.
        paths: Directories.
        owner: ``UID:GID``.

    Returns:
        Whether that was done: an image need not have the program.
    """
    mounts = [f"--mount={bind(path, path)}" for path in paths]
    flags = ("--rm", "--network=none", "--user=0", "--entrypoint=chown", *mounts)
    return _ask("run", *flags, image, "-hR", owner, *paths).returncode == 0


def bind(source: str, target: str, *, read_only: bool = False) -> str:
    """Writes the value of ``--mount`` for a path of this machine; it is read as CSV."""
    fields = ["type=bind", f"source={source}", f"target={target}", *(["readonly"] if read_only else [])]
    return ",".join(f'"{field.replace(chr(34), chr(34) * 2)}"' for field in fields)


def _ask(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [client(), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(command, 1, "", str(error))


def _last_line(answer: subprocess.CompletedProcess[str]) -> str:
    return (answer.stderr.strip().splitlines() or ["it says nothing"])[-1]
