"""Where one trainer runs as a container of this machine: what it is given of the machine.

The image runs as it says itself: its entrypoint, its user, its working directory. Directories that the trial
keeps are opened to that user while it runs, and handed over to ours when it has ended.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from hptune.runtimes import CONTAINER, docker
from hptune.storage.job_dir import TrialDir
from hptune.trial.arguments import trainer_argv
from hptune.trial.environment import trainer_environment
from hptune.trial.memory import OUT_OF_MEMORY
from hptune.trial.spec import TrialSpec
from hptune.trial.tasks import MASTER, Addresses
from hptune.trial.workspace import SUBMIT_DIR_VARIABLE, Workspace, whole_argument

# Where cloudml-hypertune writes, and who does not know it was told to.
_HYPERTUNE = "/tmp/hypertune"  # noqa: S108
_CREDENTIALS = "GOOGLE_APPLICATION_CREDENTIALS"
# What keeps a trainer within its share of the machine.
_SHARE = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_FORCE_GPU_ALLOW_GROWTH")
# Of this machine's interpreter, and of its paths.
_OF_HERE = ("PATH", "PYTHONPATH", SUBMIT_DIR_VARIABLE)
# The image's own, whatever this machine has there.
_IMAGES_OWN = {"/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/proc", "/run", "/sbin", "/sys", "/usr"}
_NEVER_WHOLE = {"/", "/home", "/opt", "/root", "/tmp", "/var"}  # noqa: S108
_WILDCARD = re.compile(r"[*?[]")
_OPEN = 0o777
_KILLED = (-9, 137)


def container_name(spec: TrialSpec) -> str:
    """Returns what a task's container is called: the same for each attempt, and no other's."""
    digest = hashlib.sha256(os.fsencode(spec.directory.state.absolute())).hexdigest()
    return f"hptune-{digest[:16]}"


def remove_containers(spec: TrialSpec) -> None:
    """Ends and removes a trial's containers, which the end of the trial's own processes may have left."""
    if spec.program.image and not spec.pod:
        for each in (spec, *spec.beside_master()):
            docker.remove(container_name(each))


@contextmanager
def own_container(
    spec: TrialSpec, base: Mapping[str, str], addresses: Addresses | None = None
) -> Iterator[Workspace]:
    """Makes a task's container ready to be started; what it leaves in the trial's directories is kept.

    Args:
        spec: The trial, seen from the task.
        base: The environment around it.
        addresses: Where the trial's tasks listen; None for a master alone.

    Raises:
        OSError: A directory cannot be made.
    """
    submit_dir = os.getcwd()  # noqa: PTH109  (a text, as all around it)
    directory = TrialDir(spec.directory.output.absolute(), spec.directory.state.absolute())
    user_args = tuple(_whole_arguments(spec.user_args, submit_dir))
    own = replace(spec, directory=directory, user_args=user_args)
    name, began_s = container_name(own), time.time()
    with _opened((directory.output, directory.metric_file.parent), spec.program.image):
        variables = _variables(own, base, addresses)
        command = [docker.client(), "run", *_flags(own, name, variables, base), *_words(own)]
        argv = [sys.executable, "-P", str(CONTAINER), name, *command]
        try:
            yield Workspace(argv, {**base, **variables}, directory.state, partial(_why, name, began_s))
        finally:
            docker.remove(name)


def _why(name: str, began_s: float, exit_code: int) -> str:
    """Says that a container ended for want of the memory that it was allowed; empty where it did not."""
    if exit_code not in _KILLED or not docker.ran_out_of_memory(name, began_s):
        return ""
    return f"{OUT_OF_MEMORY}: the kernel ended it at the limit of its container"


@contextmanager
def _opened(folders: Sequence[Path], image: str) -> Iterator[None]:
    """Has directories be writable for the image's user; what is in them is ours again afterwards."""
    modes = {}
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        modes[folder] = folder.stat().st_mode & 0o777
        folder.chmod(_OPEN)
    try:
        yield
    finally:
        if any(map(_has_others_files, folders)):
            owner, paths = f"{os.getuid()}:{os.getgid()}", list(map(str, folders))
            if not docker.hand_over(image, paths, owner):
                _print(f"files of the container's user are in {paths[0]}: sudo chown -R {owner} {paths[0]}")
        for folder, mode in modes.items():
            folder.chmod(mode)


def _has_others_files(folder: Path) -> bool:
    paths = (Path(place, name) for place, below, files in os.walk(folder) for name in (*below, *files))
    return any(path.lstat().st_uid != os.getuid() for path in paths)


def _flags(
    spec: TrialSpec, name: str, variables: Mapping[str, str], base: Mapping[str, str]
) -> Iterator[str]:
    """Makes the flags of ``docker run``; the user's own come last and win."""
    yield from ("--rm", "--init", "--pull=never", f"--name={name}")
    yield from (f"--label={key}={value}" for key, value in _labels(spec))
    yield from (f"--mount={mount}" for mount in _mounts(spec, base))
    # By name alone: their values are in the client's environment, where nobody else sees them.
    yield from (f"--env={variable}" for variable in variables)
    # The engine's own 64 MiB are too few for data loaders.
    yield f"--shm-size={os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') // 2}"
    if spec.tasks:
        # They listen at ports of this machine.
        yield "--network=host"
    if gpus := _gpus(base):
        yield f"--gpus={gpus}"
    if cores := _cores():
        yield f"--cpuset-cpus={cores}"
    yield from spec.program.flags


def _labels(spec: TrialSpec) -> Iterator[tuple[str, str]]:
    state = spec.directory.state
    trial = state if spec.task == MASTER else state.parents[1]
    yield docker.PLACE_LABEL, str(trial.parent)
    yield from (("hptune.dev/job", spec.job_id), ("hptune.dev/trial", spec.trial_id))
    yield "hptune.dev/task", spec.task.name


def _words(spec: TrialSpec) -> Iterator[str]:
    """Returns the image and what follows it; a command takes the place of the image's entrypoint."""
    words = trainer_argv(spec)
    if spec.program.command:
        yield f"--entrypoint={words.pop(0)}"
    yield from (spec.program.image, *words)


def _variables(spec: TrialSpec, base: Mapping[str, str], addresses: Addresses | None) -> dict[str, str]:
    """Returns the container's environment variables: the service's, and what keeps it within its share."""
    service = trainer_environment(spec, {}, addresses)
    share = {name: base[name] for name in (*_SHARE, _CREDENTIALS) if name in base}
    metric_file = f"{_HYPERTUNE}/{spec.directory.metric_file.name}"
    own = {name: value for name, value in service.items() if name not in _OF_HERE}
    return {**share, **own, "CLOUD_ML_HP_METRIC_FILE": metric_file}


def _mounts(spec: TrialSpec, base: Mapping[str, str]) -> Iterator[str]:
    output = spec.directory.output
    yield docker.bind(str(output), str(output))
    yield docker.bind(str(spec.directory.metric_file.parent), _HYPERTUNE)
    inputs = [path for token in spec.user_args for path in _named(token)]
    if credentials := base.get(_CREDENTIALS):
        inputs.append(Path(credentials))
    for path in dict.fromkeys(inputs):
        if path.exists() and not path.is_relative_to(output):
            yield docker.bind(str(path), str(path), read_only=True)


def _named(token: str) -> Iterator[Path]:
    """Returns the paths of this machine that an argument names by their whole names."""
    value = token.partition("=")[2] if token.startswith("-") else token
    for part in [value] if os.path.lexists(value) else value.split(","):
        path = Path(os.path.normpath(part))
        if path.is_absolute() and "\0" not in part:
            while _WILDCARD.search(str(path)):
                path = path.parent
            if not _is_images_own(path):
                yield path


def _is_images_own(path: Path) -> bool:
    return str(path) in _NEVER_WHOLE or str(Path(*path.parts[:2])) in _IMAGES_OWN


def _whole_arguments(args: Sequence[str], submit_dir: str) -> Iterator[str]:
    """Gives the values of flags their whole paths, where they name something here.

    Another word, such as ``task.py``, is one of the image's.
    """
    before = ""
    for token in args:
        yield whole_argument(token, submit_dir) if token[:1] == "-" or before[:1] == "-" else token
        before = token


def _gpus(base: Mapping[str, str]) -> str:
    """Returns the value of ``--gpus``: the trial's share, or all that there are."""
    visible = base.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return "all" if shutil.which("nvidia-smi") else ""
    return f'"device={visible}"' if visible and not visible.startswith("-") else ""


def _cores() -> str:
    """Returns the numbers of the cores that this process is held to; empty where it may use all."""
    if sys.platform != "linux" or len(cores := os.sched_getaffinity(0)) == os.cpu_count():
        return ""
    return ",".join(map(str, sorted(cores)))


def _print(message: str) -> None:
    print(f"hptune: {message}", file=sys.stderr, flush=True)
