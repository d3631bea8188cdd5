"""Runs a pipeline on this machine with kfp.local, each step's lines shown as they come."""

import io
import logging
import os
import re
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from pathlib import Path
from typing import Any, TextIO

from kfp import local
from kfp.dsl.base_component import BaseComponent

from hptune.errors import HptuneError, JobFailed, UsageError
from pipelines.progress import StepFiles, in_environment, lines_and_job, print_line, step_files

_KFP_INDENT = "    "
_KFP_EXECUTOR = "[KFP Executor "
_STEP_STARTS = re.compile(r"Executing task .*'(?P<name>[\w-]+)'")
_STOP_PATIENCE_S = 15.0
_POLL_S = 0.05


class PipelineFailed(JobFailed):
    """A step failed; what it said has been shown."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def run_in_subprocesses(pipeline: BaseComponent, arguments: Mapping[str, Any], root: Path) -> dict[str, Any]:
    """Runs a pipeline with a process a step.

    Args:
        pipeline: The pipeline.
        arguments: The pipeline's parameters.
        root: Directory for what the steps write.

    Returns:
        The pipeline's outputs by name.

    Raises:
        PipelineFailed: A step failed; with that step's exit code.
        KeyboardInterrupt: The user stopped it; the steps have ended.
    """
    with step_files(root) as files, in_environment(files.environment(sys.stderr)), _own_interpreter():
        return _run(
            pipeline, arguments, root, files, local.SubprocessRunner(use_venv=False), _wait_for_children
        )


def run_in_docker(
    pipeline: BaseComponent, arguments: Mapping[str, Any], root: Path, mounts: Sequence[Path], gpus: int
) -> dict[str, Any]:
    """Runs a pipeline with a container a step, as this user.

    Args:
        pipeline: The pipeline.
        arguments: The pipeline's parameters.
        root: Directory for what the steps write.
        mounts: Other paths that steps see where they are here.
        gpus: GPUs of each container.

    Returns:
        The pipeline's outputs by name.

    Raises:
        PipelineFailed: A step failed; with that step's exit code.
        HptuneError: No Docker engine answers.
        KeyboardInterrupt: The user stopped it; the containers have been stopped.
    """
    try:
        import docker
    except ImportError:
        raise UsageError("--runner docker needs the Python package docker") from None
    label = f"hptune.run={os.getpid()}-{time.time_ns()}"

    def stop_containers() -> None:
        for container in docker.from_env().containers.list(filters={"label": label}):
            container.stop()

    try:
        with step_files(root) as files:
            runner = _docker_runner(files, label, mounts, gpus)
            return _run(pipeline, arguments, root, files, runner, stop_containers)
    except docker.errors.DockerException as error:
        raise HptuneError(f"Docker: {error}") from error


def _docker_runner(files: StepFiles, label: str, mounts: Sequence[Path], gpus: int) -> local.DockerRunner:
    import docker

    return local.DockerRunner(
        user=f"{os.getuid()}:{os.getgid()}",
        # This user has no home in the container.
        environment={"HOME": "/tmp", **files.environment(sys.stderr)},  # noqa: S108
        labels=dict([label.split("=")]),
        mounts=[docker.types.Mount(str(path), str(path), type="bind") for path in mounts],
        device_requests=[docker.types.DeviceRequest(count=gpus, capabilities=[["gpu"]])] if gpus else [],
    )


def _run(
    pipeline: BaseComponent,
    arguments: Mapping[str, Any],
    root: Path,
    files: StepFiles,
    runner: local.SubprocessRunner | local.DockerRunner,
    stop: Callable[[], None],
) -> dict[str, Any]:
    local.init(runner, pipeline_root=str(root), raise_on_error=True)
    lines = _StepLines(sys.stderr, files)
    with lines.shown():
        try:
            outputs: dict[str, Any] = pipeline(**arguments).outputs
        except KeyboardInterrupt:
            stop()
            raise
        except RuntimeError as error:
            raise lines.failure() or HptuneError(f"step {lines.step}: {error}") from error
    # kfp takes a container for a success when it is gone before its exit code is read.
    if failure := lines.failure():
        raise failure
    return outputs


class _StepLines(io.TextIOBase):
    """Shows what steps print and leaves out what kfp says of them.

    kfp.local logs through the root logger, and prints a step's lines indented by four blanks.
    """

    def __init__(self, shown_on: TextIO, files: StepFiles) -> None:
        self._shown_on = shown_on
        self._files = files
        self._print: Callable[[str], None] = lambda line: print_line(shown_on, line)
        self._line = ""
        self._in_executor_input = False
        self.step = ""

    @contextmanager
    def shown(self) -> Iterator[None]:
        root = logging.getLogger()
        root.addFilter(self._note_step)
        try:
            with (
                lines_and_job(self._shown_on, self._files.study) as self._print,
                redirect_stdout(self),
                warnings.catch_warnings(),
            ):
                # kfp takes a subprocess to be wrong for an image without "python" in its name.
                warnings.simplefilter("ignore", RuntimeWarning)
                yield
        finally:
            root.removeFilter(self._note_step)

    def write(self, text: str, /) -> int:
        *lines, self._line = (self._line + text).split("\n")
        for line in lines:
            self._show(line)
        return len(text)

    def failure(self) -> PipelineFailed | None:
        """Returns the failure that a step reported."""
        failed = self._files.failure()
        if failed is None:
            return None
        name, exit_code = failed
        return PipelineFailed(f"the pipeline stopped at its step {name}; what went wrong is above", exit_code)

    def _show(self, line: str) -> None:
        text = line.removeprefix(_KFP_INDENT)
        if text == line or not text.strip() or self._is_of_executor(text):
            return
        self._print(f"  {text}")

    def _is_of_executor(self, text: str) -> bool:
        """Returns whether a line is kfp's, which prints all that a step is given as lines of JSON."""
        inside = self._in_executor_input
        if text.startswith(_KFP_EXECUTOR):
            self._in_executor_input = text.endswith("executor_input:")
            return True
        if inside and text == "}":
            self._in_executor_input = False
        return inside

    def _note_step(self, record: logging.LogRecord) -> bool:
        if match := _STEP_STARTS.search(record.getMessage()):
            self.step = match["name"]
            self._print(f"{self.step}:")
        return record.levelno >= logging.WARNING


@contextmanager
def _own_interpreter() -> Iterator[None]:
    """Has steps run with this interpreter, and with their parameters as they are.

    kfp writes the interpreter's path wherever a command says python3, in values of parameters and in paths,
    too. Writing python3 in its place changes nothing, and the search path finds this interpreter.
    """
    path, executable = os.environ.get("PATH", ""), sys.executable
    os.environ["PATH"] = os.pathsep.join(filter(None, [str(Path(executable).parent), path]))
    sys.executable = "python3"
    try:
        yield
    finally:
        os.environ["PATH"], sys.executable = path, executable


def _wait_for_children() -> None:
    """Waits for the steps, which stop by themselves when nobody reads what they print."""
    deadline = time.monotonic() + _STOP_PATIENCE_S
    with suppress(ChildProcessError):
        while time.monotonic() < deadline:
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                time.sleep(_POLL_S)
