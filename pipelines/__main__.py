"""The pipeline's command line: compile, run here, upload, submit.

python -m pipelines compile|run|upload|submit
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any

import click
from pydantic import TypeAdapter, ValidationError

from components.images import git_revision
from hptune.backends.katib.experiment.resources import GPU
from hptune.backends.katib.options import Cpus, Size
from hptune.backends.katib.quantities import bytes_quantity, cpu_quantity
from hptune.console.program import PATH, run_command
from hptune.job.tuning_job import parse_job
from hptune.steps.trainer import BACKENDS
from pipelines.run import COUNT, run
from pipelines.server import Server, Uploaded, version_name
from pipelines.tuning import CPU, MEMORY, Cluster, Preset, compile_, on_one_line, parameters
from pipelines.values import parse_values


def _quantity(kind: Any, write: Callable[[Any], str]) -> Callable[..., str]:  # noqa: ANN401  (an annotated type)
    """Makes what reads an option's amount and writes it as Kubernetes does."""

    def check(_: click.Context, param: click.Parameter, value: str) -> str:
        try:
            return write(TypeAdapter(kind).validate_python(value))
        except ValidationError as error:
            raise click.BadParameter(error.errors()[0]["msg"], param=param) from None

    return check


def _cluster_options(function: Callable[..., None]) -> Callable[..., None]:
    """Adds the options of a compiled pipeline; the command gets ``cluster`` and ``preset``."""

    @click.option("--name", help="Names the pipeline.  [default: hptune, or the example's]")
    @click.option(
        "-d",
        "--default",
        "defaults",
        multiple=True,
        metavar="NAME=VALUE",
        help="Gives a parameter this value in the form; @FILE for a file's text.",
    )
    @click.option("--gpu-resource", default=GPU, show_default=True, help="Calls GPUs by this resource name.")
    @click.option(
        "--gpus", type=COUNT, default=0, show_default=True, help="Gives each step that trains this many GPUs."
    )
    @click.option(
        "--backend",
        type=click.Choice(BACKENDS),
        default="local",
        show_default=True,
        help="Runs trials in the tune step's pod (local) or in their own (katib), as the form begins.",
    )
    @click.option(
        "--cpu",
        default=CPU,
        show_default=True,
        callback=_quantity(Cpus, cpu_quantity),
        help="Asks for this many CPUs for each step that trains.",
    )
    @click.option(
        "--memory",
        default=MEMORY,
        show_default=True,
        callback=_quantity(Size, bytes_quantity),
        help="Asks for this much memory for each step that trains.",
    )
    @click.pass_obj
    @wraps(function)
    def command(
        preset: Preset,
        /,
        name: str | None,
        defaults: tuple[str, ...],
        gpus: int,
        gpu_resource: str,
        backend: str,
        cpu: str,
        memory: str,
        **others: Any,  # noqa: ANN401  (of whatever types the command's own options are)
    ) -> None:
        more = parse_values(defaults, parameters(), "--default")
        if "job_file" in more:
            more["job_file"] = on_one_line(parse_job(more["job_file"], "job_file"))
        preset = replace(preset, name=name or preset.name, defaults={**preset.defaults, **more})
        accelerator = _gke_accelerator(preset, gpus)
        cluster = Cluster(gpus, gpu_resource, accelerator, backend, cpu, memory)
        function(preset=preset, cluster=cluster, **others)

    return command


def _gke_accelerator(preset: Preset, gpus: int) -> str | None:
    """Returns GKE's name of the GPU that the form's job file asks for; None where it has none."""
    if not gpus or "job_file" not in preset.defaults:
        return None
    machine = parse_job(preset.defaults["job_file"], "job_file").machine
    if machine.substituted:
        gone = f"{machine.accelerator} of {machine.name} is gone from GKE"
        click.echo(f"warning: {gone}; nodes with {machine.gke_accelerator} are asked for", err=True)
    return machine.gke_accelerator


def _server_options(function: Callable[..., None]) -> Callable[..., None]:
    """Adds the options that name a KFP; the command gets ``server``."""

    @click.option(
        "--endpoint",
        envvar="KF_PIPELINES_ENDPOINT",
        help="Asks the KFP API here.  [default: KF_PIPELINES_ENDPOINT, else the kubeconfig's cluster]",
    )
    @click.option("--ui", help="Prints links to KFP's pages at this address.  [default: --endpoint]")
    @click.option(
        "--token", envvar="KF_PIPELINES_TOKEN", help="Sends this bearer token.  [default: KF_PIPELINES_TOKEN]"
    )
    @click.option("--namespace", help="Runs in this namespace of a multi-user installation.")
    @wraps(function)
    def command(
        endpoint: str | None,
        ui: str | None,
        token: str | None,
        namespace: str | None,
        **others: Any,  # noqa: ANN401
    ) -> None:
        function(
            server=lambda: Server(endpoint, token, namespace), ui=(ui or endpoint or "").rstrip("/"), **others
        )

    return command


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.pass_context
def cli(context: click.Context) -> None:
    """Runs a Kubeflow pipeline: download, preprocess, tune, train with the best parameters, report.

    It takes any trainer that was written for Cloud ML Engine.

    \b
    Examples:
      python -m pipelines run --data data.npz --config hptune.yaml --package-path trainer --name job
      python -m pipelines compile --gpus 1 -d job_file=@hptune.yaml -o pipeline.yaml
      python -m pipelines submit --endpoint http://localhost:8080 -p data=gs://bucket/data.npz \\
          -p job_file=@hptune.yaml -p job_name=job
    """
    context.ensure_object(Preset)


cli.add_command(run)


@cli.command("compile")
@click.option("-o", "--output", type=PATH, required=True, help="Writes the pipeline to this YAML file.")
@_cluster_options
def compile_command(output: Path, preset: Preset, cluster: Cluster) -> None:
    """Writes the compiled pipeline."""
    compile_(output, cluster, preset)
    click.echo(output)


@cli.command()
@_server_options
@_cluster_options
def upload(server: Callable[[], Server], ui: str, preset: Preset, cluster: Cluster) -> None:
    """Uploads the pipeline as a version named by the git revision, unless it is there."""
    with _package(preset, cluster) as package:
        _upload(server(), ui, package, preset)


@cli.command()
@_server_options
@_cluster_options
@click.option(
    "-p",
    "--parameter",
    "given",
    multiple=True,
    metavar="NAME=VALUE",
    help="Gives a parameter this value; katib.KEY=VALUE for a key of katib; @FILE for a file's text.",
)
@click.option(
    "--experiment", help="Puts the run into this experiment of KFP's.  [default: the pipeline's name]"
)
@click.option("--service-account", help="Runs the steps as this Kubernetes service account.")
def submit(
    server: Callable[[], Server],
    ui: str,
    preset: Preset,
    cluster: Cluster,
    given: tuple[str, ...],
    experiment: str | None,
    service_account: str | None,
) -> None:
    """Uploads the pipeline, unless it is there, and starts a run of it.

    \b
    Example:
      python -m pipelines submit --endpoint http://localhost:8080 --gpus 1 --backend katib \\
          -p data=gs://bucket/data.npz -p job_file=@hptune.yaml -p job_name=job \\
          -p job_dir=gs://bucket/job -p katib.memory=16Gi
    """
    values = parse_values(given, _form(preset), "--parameter")
    with _package(preset, cluster) as package:
        asked = server()
        uploaded = _upload(asked, ui, package, preset)
        run_id = asked.start(uploaded, experiment or preset.name, values, service_account)
    click.echo(f"run: {run_id}\nopen: {ui}/#/runs/details/{run_id}")


def _form(preset: Preset) -> dict[str, dict[str, Any]]:
    """Returns the pipeline's parameters with the values that its form begins with."""
    return {
        name: {**each, **({"defaultValue": preset.defaults[name]} if name in preset.defaults else {})}
        for name, each in parameters().items()
    }


@contextmanager
def _package(preset: Preset, cluster: Cluster) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder) / f"{preset.name}.yaml"
        compile_(package, cluster, preset)
        yield package


def _upload(server: Server, ui: str, package: Path, preset: Preset) -> Uploaded:
    uploaded = server.upload(package, preset.name, version_name(git_revision(), package))
    click.echo(f"version {uploaded.name}: {'was there before' if uploaded.existed else 'uploaded'}")
    click.echo(f"open: {ui}/#/pipelines/details/{uploaded.pipeline_id}/version/{uploaded.version_id}")
    return uploaded


def main(preset: Preset, program: str) -> None:
    """Runs the command line.

    Args:
        preset: What the pipeline's form begins with.
        program: What the program is called in messages.
    """
    cli.context_settings["obj"] = preset
    run_command(cli, program)


if __name__ == "__main__":
    main(Preset(), "python -m pipelines")
