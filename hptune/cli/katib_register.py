"""Implements ``hptune katib-register``."""

from __future__ import annotations

import click

from hptune.backends.find import DEFAULT_NAMESPACE
from hptune.cli.options.cluster import CONTEXT

_KATIBS_OWN = "katib-config"


@click.command("katib-register")
@click.option(
    "--image", help="Runs the algorithm in this image, which has hptune[katib], as the trials' image does."
)
@click.option("--remove", is_flag=True, help="Takes the algorithm out again.")
@click.option(
    "--config-namespace",
    default=DEFAULT_NAMESPACE,
    show_default=True,
    help="Edits Katib's configuration in this namespace.",
)
@click.option(
    "--pull-policy",
    default="IfNotPresent",
    show_default=True,
    help="Pulls the image by this policy of Kubernetes.",
)
@CONTEXT
def katib_register(
    image: str | None, remove: bool, config_namespace: str, pull_policy: str, context: str | None
) -> None:
    """Makes the algorithm gp-bandit known to a cluster's Katib, for everybody who uses it.

    What else there is in Katib's configuration, and what others write to it meanwhile, stays as it is.

    \b
    Examples:
      hptune katib-register --image REGISTRY/trainer:1
      hptune katib-register --remove
    """
    # Takes half a second, which the overview of all commands need not wait for.
    from hptune.backends.katib.cluster.connection import connect
    from hptune.backends.katib.suggestion.registration import PLACE, SuggestionImage, register, unregister

    if bool(image) == remove:
        raise click.UsageError("give either --image or --remove")
    entry = SuggestionImage(image, pull_policy) if image else None

    def edit(data: dict[str, str]) -> dict[str, str]:
        text = data.get(PLACE, "")
        return {**data, PLACE: register(text, entry) if entry else unregister(text)}

    changed = connect(config_namespace, context).edit_config_map(_KATIBS_OWN, edit)
    done = "registered" if entry else "removed"
    click.echo(f"gp-bandit: {done if changed else f'was {done} already'}")
