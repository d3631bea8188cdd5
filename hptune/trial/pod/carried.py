"""The environment around a trial program that `hptune.trial.pod.carry` has brought into the user's image."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from hptune.trial.arguments import trainer_argv
from hptune.trial.environment import trainer_environment
from hptune.trial.spec import TrialSpec
from hptune.trial.tasks import Addresses, here
from hptune.trial.workspace import SUBMIT_DIR_VARIABLE, Workspace

# As the script `run` sets them.
_PRELOAD, _OWN_PRELOAD = "LD_PRELOAD", "HPTUNE_LD_PRELOAD"
_CERTIFICATES, _OWN_CERTIFICATES = "SSL_CERT_FILE", "ca.pem"


def image_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Returns the environment that the image and the pod have, without what was set for our own program."""
    own = dict(environment)
    if _OWN_PRELOAD in own:
        own[_PRELOAD] = own.pop(_OWN_PRELOAD)
    if Path(own.get(_CERTIFICATES, "")).name == _OWN_CERTIFICATES:
        del own[_CERTIFICATES]
    return own


def image_workspace(
    spec: TrialSpec, base: Mapping[str, str], addresses: Addresses | None = None
) -> Workspace:
    """Makes the workspace of a trainer in the user's own image: all is as the image has it.

    Args:
        spec: The trial.
        base: The environment around this process.
        addresses: Where the trial's tasks listen; None for a master alone, at a port that is free.
    """
    where = here({}, spec.training_input) if addresses is None else addresses
    directory = Path.cwd()
    environment = trainer_environment(spec, image_environment(base), where)
    environment = {name: value for name, value in environment.items() if value or name != "PYTHONPATH"}
    return Workspace(trainer_argv(spec), {**environment, SUBMIT_DIR_VARIABLE: str(directory)}, directory)
