"""Whether a trainer was written for several machines, by what its source speaks of."""

from __future__ import annotations

import re

from hptune.job.submission import Submission
from hptune.runtimes.choose import source_of
from hptune.runtimes.source import read_sources

# What divides the work, or reads who else there is. Estimators do so by themselves.
_WORDS = re.compile(
    rb"TF_CONFIG|CLUSTER_SPEC|ClusterSpec|\bdistributed?\b|Strategy\b|\b[Ee]stimator|learn_runner|run_config|RunConfig"
    rb"|replica_device_setter|train\.Server|horovod|MASTER_ADDR|\bRANK\b|mpi4py|\bjax\b|byteps|accelerate\b"
)


def is_for_several_machines(submission: Submission) -> bool:
    """Returns whether a job's trainer can share its work; one whose source is not here is taken to.

    The tasks of one that cannot would each train the whole model, into one directory.
    """
    texts = [text for _, text in read_sources(source_of(submission))]
    return not texts or any(_WORDS.search(text) for text in texts)
