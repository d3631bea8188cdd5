"""The pipeline's command line: compile, run here, upload, submit."""

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from kfp import compiler

from components.images import git_revision
from hptune.cli.options.gcloud import UserArgsCommand, user_args
from hptune.console.program import PATH, SEED, console, run_command
from hptune.errors import Fault, UsageError
from hptune.job.request import JOBS
from hptune.job.trainer import BACKENDS, Trainer, override
from hptune.job.tuning_job import load_job, parse_job
from hptune.results.status_file import load_status
from hptune.results.tables import best_line, trial_table
from hptune.storage.job_dir import JobDir
from hptune.storage.transfer import is_remote
from pipelines.local import run_in_docker, run_in_subprocesses
from pipelines.mnist_hptune import EXAMPLE, MODULE, NAME, build
from pipelines.server import Server, Uploaded, parse_parameters, version_name

_COUNT = click.IntRange(min=0)
_gpus = click.option("--gpus", type=_COUNT, default=0, show_default=True, help="GPUs of tune and train.")
_backend = click.option(
    "--backend",
    type=click.Choice(BACKENDS),
    default="local",
    show_default=True,
    help="Where trials run, by default: in the tune step's pod, or in their own.",
)


def _server_options(function: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("--namespace", help="Yours, on a multi-user installation."),
        click.option("--token", envvar="KF_PIPELINES_TOKEN", help="Bearer token.  [KF_PIPELINES_TOKEN]"),
        click.option(
            "--endpoint",
            envvar="KF_PIPELINES_ENDPOINT",
            help="Address of the KFP API.  [KF_PIPELINES_ENDPOINT, or the cluster of the kube config]",
        ),
    ):
        function = option(function)
    return function


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def cli() -> None:
    """Download, preprocess, tune, train with the best parameters, report: as a Kubeflow pipeline.

    \b
    Examples:
      python -m pipelines.mnist_hptune run --data digits
      python -m pipelines.mnist_hptune compile --gpus 1 -o pipeline.yaml
      python -m pipelines.mnist_hptune submit --endpoint http://localhost:8080 -p data=mnist
    """


@cli.command("compile")
@click.option("-o", "--output", type=PATH, required=True, help="The YAML to write.")
@_gpus
@_backend
def compile_(output: Path, gpus: int, backend: str) -> None:
    """Write the compiled pipeline."""
    _compile(output, gpus, backend)
    click.echo(output)


def _compile(output: Path, gpus: int, backend: str) -> None:
    machine = load_job(EXAMPLE / "hptune.yaml").machine
    if gpus and machine.substituted:
        gone = f"{machine.accelerator} of {machine.name} is gone from GKE"
        click.echo(f"warning: {gone}; nodes with {machine.gke_accelerator} are asked for", err=True)
    compiler.Compiler().compile(build(gpus, machine.gke_accelerator, backend), str(output))


@cli.command(cls=UserArgsCommand)
@click.option(
    "--runner", type=click.Choice(["subprocess", "docker"]), default="subprocess", show_default=True
)
@click.option("--data", default="digits", show_default=True, help="digits, mnist, or a path or URI.")
@click.option("--data-sha256", default="", help="The checksum that the data's content must have.")
@click.option("--validation-fraction", type=float, default=1 / 6, help="Share to measure trials on.  [1/6]")
@click.option("--config", type=PATH, default=EXAMPLE / "hptune.yaml", help="The job file.  [MNIST's]")
@click.option("--name", help="The job's name.  [default: that of its directory, or mnist]")
@click.option("--module-name", default=MODULE, show_default=True, help="The trainer's module.")
@click.option("--package-path", type=PATH, help="Directory of the trainer's package.")
@click.option("--data-flag", default="--train-file", show_default=True, help="The trainer's, for its data.")
@click.option("--max-trials", type=_COUNT, default=0, help="Replaces the job file's maxTrials.")
@click.option("--max-parallel-trials", type=_COUNT, default=0, help="Replaces its maxParallelTrials.")
@click.option("--job-dir", type=PATH, help=f"Where the job lives.  [default: {JOBS}/NAME]")
@click.option("--seed", type=SEED, default=0, help="Of the split and suggestions.")
@click.option("--output", type=PATH, default="local_outputs", show_default=True, help="For the outputs.")
@click.option("--gpus", type=_COUNT, default=0, help="GPUs of a container, with --runner docker.")
def run(
    runner: str,
    config: Path,
    name: str | None,
    module_name: str,
    package_path: Path | None,
    job_dir: Path | None,
    output: Path,
    gpus: int,
    **same: Any,  # noqa: ANN401  (of whatever types these options are)
) -> None:
    """Run the pipeline on this machine; the trainer's own arguments come after --.

    The same command takes up a run that was cut off: the job's finished trials are not run again.

    \b
    Example:
      python -m pipelines.mnist_hptune run --data digits --job-dir out/digits
    """
    name = name or (job_dir.absolute().name if job_dir else "mnist")
    if package_path is None and runner == "subprocess" and module_name == MODULE:
        package_path = EXAMPLE
    arguments = {
        **same,
        "data": _absolute_if_here(same["data"]),
        "job_file": _read_job(config, **same),
        "job_name": name,
        "module_name": module_name,
        "package_path": str(package_path.absolute()) if package_path else "",
        "trainer_args": list(user_args() or ()),
        "job_dir": str((job_dir or JOBS / name).absolute()),
    }
    output.mkdir(parents=True, exist_ok=True)
    if runner == "docker":
        outputs = run_in_docker(build(), arguments, output.absolute(), _mounts(arguments), gpus)
    else:
        _check_trainer(arguments)
        outputs = run_in_subprocesses(build(), arguments, output.absolute())
    _print_results(outputs, JobDir(Path(arguments["job_dir"])))


def _absolute_if_here(data: str) -> str:
    return str(Path(data).absolute()) if not is_remote(data) and Path(data).exists() else data


def _read_job(config: Path, max_trials: int, max_parallel_trials: int, **_: object) -> str:
    """The job file's text; its faults are told before the first step runs."""
    override(load_job(config), max_trials, max_parallel_trials)
    return config.read_text(encoding="utf-8")


def _check_trainer(arguments: dict[str, Any]) -> None:
    """Finds a trainer that is not there before the first step runs."""
    trainer = Trainer(
        *(arguments[key] for key in ("module_name", "package_path", "trainer_args", "data_flag"))
    )
    job = parse_job(arguments["job_file"], "job_file")
    trainer.submission(job, arguments["job_name"], Path("data.npz"), Path(arguments["job_dir"]))


def _mounts(arguments: dict[str, Any]) -> list[Path]:
    """Paths of this machine that containers need; the job's directory is made if it is not there."""
    Path(arguments["job_dir"]).mkdir(parents=True, exist_ok=True)
    paths = [Path(arguments[key]) for key in ("data", "package_path", "job_dir") if arguments[key]]
    return [path for path in paths if path.is_absolute() and path.exists()]


def _print_results(outputs: dict[str, Any], job_dir: JobDir) -> None:
    study = load_status(Path(outputs["study"].path)).study
    console(sys.stdout).print(trial_table(study))
    click.echo(best_line(study))
    for name, value in outputs["final_metrics"].metadata.items():
        click.echo(f"test {name}: {value:.6g}")
    # A browser goes by a file's name, and kfp gives an artifact none.
    page = Path(outputs["page"].path)
    report = shutil.copyfile(page, page.parents[1] / "report.html")
    click.echo(f"report: {report}\nmodel:  {outputs['model'].path}")
    click.echo(f"logs:   {job_dir.trials}/TRIAL/{job_dir.trial(1).log.name}")


@cli.command()
@_server_options
@_gpus
@_backend
def upload(endpoint: str | None, token: str | None, namespace: str | None, gpus: int, backend: str) -> None:
    """Upload the pipeline as a version named by the git revision, unless it is there."""
    with _package(gpus, backend) as package:
        _upload(Server(endpoint, token, namespace), package)


@cli.command()
@_server_options
@_gpus
@_backend
@click.option("-p", "--parameter", "parameters", multiple=True, help="NAME=VALUE; @FILE for a file's text.")
@click.option("--experiment", default=NAME, show_default=True, help="The runs' experiment.")
@click.option("--service-account", help="Kubernetes service account of the steps.")
def submit(
    endpoint: str | None,
    token: str | None,
    namespace: str | None,
    gpus: int,
    backend: str,
    parameters: tuple[str, ...],
    experiment: str,
    service_account: str | None,
) -> None:
    """Upload the pipeline, unless it is there, and start a run of it.

    \b
    Example:
      python -m pipelines.mnist_hptune submit --endpoint http://localhost:8080 --gpus 1 \\
          -p data=gs://bucket/mnist.npz -p job_file=@hptune.yaml -p max_trials=20
      python -m pipelines.mnist_hptune submit --gpus 1 --backend katib -p job_dir=gs://bucket/mnist
    """
    with _package(gpus, backend) as package:
        values = parse_parameters(package, dict(map(_split_parameter, parameters)))
        server = Server(endpoint, token, namespace)
        run_id = server.start(_upload(server, package), experiment, values, service_account)
    click.echo(f"run: {run_id}")


@contextmanager
def _package(gpus: int, backend: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder) / f"{NAME}.yaml"
        _compile(package, gpus, backend)
        yield package


def _upload(server: Server, package: Path) -> Uploaded:
    uploaded = server.upload(package, NAME, version_name(git_revision(), package))
    click.echo(f"version {uploaded.name}: {'was there before' if uploaded.existed else 'uploaded'}")
    return uploaded


def _split_parameter(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError(Fault("--parameter", f"{text!r} is not NAME=VALUE"))
    return name, Path(value[1:]).read_text(encoding="utf-8") if value.startswith("@") else value


def main() -> None:
    """Entry point of ``python -m pipelines.mnist_hptune``."""
    run_command(cli, "python -m pipelines.mnist_hptune")
