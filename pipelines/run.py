"""Implements ``python -m pipelines run``: the pipeline on this machine."""

import shutil
import sys
from pathlib import Path
from typing import Any

import click

from hptune.cli.options.grouped import UserArgsCommand, user_args
from hptune.console.output import outliving_readers
from hptune.console.program import PATH, SEED, console
from hptune.data.mnist import validation_fraction
from hptune.errors import Fault, UsageError
from hptune.job.request import JOBS, Place
from hptune.job.tuning_job import load_job, parse_job
from hptune.results.status_file import load_status
from hptune.results.tables import best_line
from hptune.results.trial_table import TrialTable
from hptune.steps.trainer import Trainer, limits
from hptune.storage.job_dir import JobDir
from hptune.storage.remote import is_remote
from pipelines.local import run_in_docker, run_in_subprocesses
from pipelines.tuning import Preset, build

COUNT = click.IntRange(min=0)


@click.command(cls=UserArgsCommand)
@click.option("--data", help="Reads this data set: a path, a URI, or the name of one that hptune knows.")
@click.option("--data-sha256", default="", help="Requires this checksum of the data's content.")
@click.option(
    "--validation-fraction",
    type=float,
    help="Measures trials on this share of the training part.  [default: 1/6; of digits 2/3]",
)
@click.option("--config", type=PATH, help="Reads the job from this file, hptune.yaml.")
@click.option("--name", help="Names the job.  [default: as its directory]")
@click.option("--module-name", help="Runs this module as the trainer, such as trainer.task.")
@click.option("--package-path", type=PATH, help="Finds the trainer's package in this directory.")
@click.option(
    "--data-flag",
    default="--train-file",
    show_default=True,
    help="Tells the trainer of its data file by this flag.",
)
@click.option("--max-trials", type=COUNT, default=0, help="Replaces the job file's maxTrials.")
@click.option(
    "--max-parallel-trials", type=COUNT, default=0, help="Replaces the job file's maxParallelTrials."
)
@click.option("--job-dir", type=PATH, help=f"Keeps the job in this directory.  [default: {JOBS}/NAME]")
@click.option("--seed", type=SEED, default=0, help="Seeds the split and the suggestions.")
@click.option(
    "--output",
    type=PATH,
    default="local_outputs",
    show_default=True,
    help="Has the steps write to this directory.",
)
@click.option(
    "--runner",
    type=click.Choice(["subprocess", "docker"]),
    default="subprocess",
    show_default=True,
    help="Runs each step as a process, or in a container of its image.",
)
@click.option("--gpus", type=COUNT, default=0, help="Gives each container this many GPUs.")
@click.pass_obj
def run(preset: Preset, /, runner: str, output: Path, gpus: int, job_dir: Path | None, **given: Any) -> None:  # noqa: ANN401
    """Runs the pipeline on this machine; the trainer's own arguments come after --.

    The same command takes up a run that was cut off: the job's finished trials are not run again.

    \b
    Example:
      python -m pipelines run --data data.npz --config trainer/hptune.yaml \\
          --module-name trainer.task --package-path trainer --job-dir out/job
    """
    here = preset.package_path if runner == "subprocess" and given["module_name"] is None else None
    package_path = given.pop("package_path") or here
    arguments = {
        **preset.defaults,
        **_named_as_parameters(given),
        "trainer_args": list(user_args() or ()),
        "trainer_package_path": str(package_path.absolute()) if package_path else "",
    }
    arguments["job_name"] = given["name"] or (
        job_dir.absolute().name if job_dir else arguments.get("job_name")
    )
    _check_complete(arguments)
    arguments["data"] = _absolute_if_here(arguments["data"])
    arguments["job_dir"] = str((job_dir or JOBS / arguments["job_name"]).absolute())
    output.mkdir(parents=True, exist_ok=True)
    with outliving_readers():
        if runner == "docker":
            outputs = run_in_docker(build(), arguments, output.absolute(), _mounts(arguments), gpus)
        else:
            _check_trainer(arguments)
            outputs = run_in_subprocesses(build(), arguments, output.absolute())
        _print_results(outputs, JobDir(Path(arguments["job_dir"])))


def _named_as_parameters(given: dict[str, Any]) -> dict[str, Any]:
    """Returns the pipeline's parameters that options set; without those that were not given."""
    config: Path | None = given["config"]
    values = {
        "data": given["data"],
        "data_sha256": given["data_sha256"],
        "data_validation_fraction": _validation_fraction(given["validation_fraction"], given["data"]),
        "job_file": _read_job(config, given["max_trials"], given["max_parallel_trials"]) if config else None,
        "job_max_trials": given["max_trials"],
        "job_max_parallel_trials": given["max_parallel_trials"],
        "job_seed": given["seed"],
        "trainer_module": given["module_name"],
        "trainer_data_flag": given["data_flag"],
    }
    return {name: value for name, value in values.items() if value is not None}


def _validation_fraction(given: float | None, data: str | None) -> float | None:
    return validation_fraction(data) if given is None and data else given


def _check_complete(arguments: dict[str, Any]) -> None:
    """Names the options that the run cannot do without.

    Raises:
        UsageError: There are some.
    """
    wanted = {"data": "--data", "job_file": "--config", "job_name": "--name"}
    if faults := [Fault(option, "is missing") for name, option in wanted.items() if not arguments.get(name)]:
        raise UsageError(faults)


def _absolute_if_here(data: str) -> str:
    return str(Path(data).absolute()) if not is_remote(data) and Path(data).exists() else data


def _read_job(config: Path, max_trials: int, max_parallel_trials: int) -> str:
    """Reads the job file's text; its faults are told before the first step runs."""
    load_job(config, limits(max_trials, max_parallel_trials))
    return config.read_text(encoding="utf-8")


def _check_trainer(arguments: dict[str, Any]) -> None:
    """Finds a trainer that is not there before the first step runs."""
    trainer = Trainer(
        module_name=arguments.get("trainer_module", ""),
        package_path=arguments["trainer_package_path"],
        args=arguments["trainer_args"],
        data_flag=arguments["trainer_data_flag"],
    )
    job = parse_job(arguments["job_file"], "job_file")
    trainer.submission(job, arguments["job_name"], Path("data.npz"), Path(arguments["job_dir"]), Place.HERE)


def _mounts(arguments: dict[str, Any]) -> list[Path]:
    """Returns the paths of this machine that containers need; makes the job's directory if it is missing."""
    Path(arguments["job_dir"]).mkdir(parents=True, exist_ok=True)
    names = ("data", "trainer_package_path", "job_dir")
    paths = [Path(arguments[name]) for name in names if arguments[name]]
    return [path for path in paths if path.is_absolute() and path.exists()]


def _print_results(outputs: dict[str, Any], job_dir: JobDir) -> None:
    study = load_status(Path(outputs["study"].path)).study
    console(sys.stdout).print(TrialTable(study))
    click.echo(best_line(study))
    for name, value in outputs["final_metrics"].metadata.items():
        click.echo(f"test {name}: {value:.6g}")
    # A browser goes by a file's name, and kfp gives an artifact none.
    page = Path(outputs["page"].path)
    report = shutil.copyfile(page, page.parents[1] / "report.html")
    click.echo(f"report: {report}\nmodel:  {outputs['model'].path}")
    click.echo(f"logs:   {job_dir.trials}/TRIAL/{job_dir.trial(1).log.name}")
