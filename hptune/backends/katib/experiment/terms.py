"""What Katib calls an algorithm, and how it spells a value.

Apart from what builds an Experiment of them, whose classes take half a second to import.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hptune.backends.katib.experiment.names import BANDIT
from hptune.backends.katib.options import KatibOptions
from hptune.job.schema import Algorithm
from hptune.job.tuning_job import TuningJob
from hptune.search.space import Value, format_number
from hptune.trial.pod.encoding import encode_value

RANDOM = "random"
GRID = "grid"


def algorithm_name(job: TuningJob, options: KatibOptions) -> str:
    """Returns what Katib calls the algorithm that suggests ``job``'s trials."""
    named = {Algorithm.RANDOM_SEARCH: RANDOM, Algorithm.GRID_SEARCH: GRID}
    return named.get(job.algorithm, options.algorithm.value)


def katibs_own(experiment: Mapping[str, Any]) -> str:
    """Returns the name of the algorithm that Katib has in place of the one that the job file names.

    Empty where hptune's suggests the trials, and for random and grid search, which are the same anywhere.
    """
    name = str(experiment.get("spec", {}).get("algorithm", {}).get("algorithmName", ""))
    return "" if name in (BANDIT, RANDOM, GRID) else name


def katib_text(value: Value) -> str:
    """Spells a value as an Experiment does."""
    return encode_value(value) if isinstance(value, str) else format_number(value)
