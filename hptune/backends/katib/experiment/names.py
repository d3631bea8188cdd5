"""What a job is called in a cluster, and the labels by which Katib marks what belongs to it."""

from __future__ import annotations

import hashlib
import re

MAX_EXPERIMENT_NAME = 40
"""Katib's limit, so that what it derives from the name still fits a label."""

BANDIT = "gp-bandit"
"""Katib's name for hptune's algorithm. The service's Deployment has it behind the Experiment's."""

EXPERIMENT_LABEL = "katib.kubeflow.org/experiment"
"""Has the Experiment's name, on its trials and on all pods of the job."""
TRIAL_LABEL = "katib.kubeflow.org/trial"
"""Has the trial's name, on its pods."""
SUGGESTION_LABEL = "katib.kubeflow.org/suggestion"
"""Has the Experiment's name, on the pod that suggests."""
INJECTION_LABEL = "katib.kubeflow.org/metrics-collector-injection"
"""Must be ``enabled`` on a namespace for Experiments."""

NAME_LABEL = "app.kubernetes.io/name"
OWN_NAME = "hptune"
"""What `NAME_LABEL` has on all that hptune makes."""

_DIGEST_DIGITS = 8


def experiment_name(job_name: str, namespace: str) -> str:
    """Makes the name of a job's Experiment: readable, valid in Katib, one per job and namespace.

    The namespace counts because Katib's suggestion controller looks for an Experiment's trials by its name in
    all namespaces: jobs of the same name in two of them would learn from each other's trials.

    Args:
        job_name: ML Engine's jobId.
        namespace: Where the Experiment is to live.
    """
    digest = hashlib.sha256(f"{namespace}/{job_name}".encode()).hexdigest()[:_DIGEST_DIGITS]
    length = MAX_EXPERIMENT_NAME - 1 - _DIGEST_DIGITS
    return f"{_slug(job_name)[:length].rstrip('-')}-{digest}"


def job_label(job_name: str) -> str:
    """Makes a label's value of a job's name; different jobs may share it."""
    return _slug(job_name)[:63].rstrip("-")


def _slug(job_name: str) -> str:
    slug = re.sub(r"[^a-z0-9]+", "-", job_name.lower()).strip("-")
    return slug if slug[:1].isalpha() else f"job-{slug}".rstrip("-")
