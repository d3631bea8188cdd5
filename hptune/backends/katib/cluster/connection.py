"""Which cluster is meant, where its server is and who asks."""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from kubernetes import client as kubernetes_client
from kubernetes import config as kubernetes_config

from hptune.backends.katib.cluster.client import Cluster
from hptune.backends.katib.options import KatibOptions
from hptune.errors import Fault, UsageError
from hptune.retry import CLUSTER, Patience

# The library takes a file's content for what it should be.
_CONFIGURATION_ERRORS = (
    kubernetes_config.ConfigException,
    yaml.YAMLError,
    OSError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
)


def connect(
    namespace: str | None = None, context: str | None = None, *, patience: Patience = CLUSTER
) -> Cluster:
    """Connects to the cluster that this process runs in, else to the one that kubectl talks to.

    Args:
        namespace: The namespace; None for the pod's or the context's own.
        context: A context of the kubeconfig, which then goes before the cluster that this process runs in.
        patience: See `Cluster`.

    Raises:
        UsageError: There is no cluster to talk to, no such context, or that is no namespace's name.
    """
    if namespace and (faults := KatibOptions(namespace=namespace).faults()):
        raise UsageError(faults)
    configuration = kubernetes_client.Configuration()
    # Ours know what may be tried again, and pause.
    configuration.retries = False
    own = _configure(configuration, context)
    return Cluster(
        kubernetes_client.ApiClient(configuration),
        namespace or own,
        patience=patience,
    )


def _configure(configuration: kubernetes_client.Configuration, context: str | None) -> str:
    """Fills in where the cluster is and who asks; returns the namespace that goes with it."""
    if context is None:
        try:
            kubernetes_config.load_incluster_config(client_configuration=configuration)
        except kubernetes_config.ConfigException:
            # Not in a cluster.
            pass
        else:
            return _pod_namespace()
    place = "--context" if context else "kubeconfig"
    try:
        kubernetes_config.load_kube_config(context=context, client_configuration=configuration)
        contexts, active = kubernetes_config.list_kube_config_contexts()
    except _CONFIGURATION_ERRORS as error:
        problem = f"no cluster to talk to: {_reason(error)}; set KUBECONFIG, or run where kubectl works"
        raise UsageError(Fault(place, problem)) from None
    if not re.match(r"https?://", configuration.host):
        raise UsageError(Fault(place, "its server's address does not begin with https://"))
    chosen = next((each for each in contexts if each["name"] == context), active)
    return str(chosen["context"].get("namespace") or "default")


def _reason(error: Exception) -> str:
    """Says what is wrong with a kubeconfig, without the parts that the library quotes, such as tokens."""
    if isinstance(error, kubernetes_config.ConfigException | OSError | yaml.YAMLError):
        return re.sub(r"/?\{.*\}", "", " ".join(str(error).split())).rstrip(".")
    return f"the kubeconfig is damaged ({type(error).__name__})"


def _pod_namespace() -> str:
    token = kubernetes_config.incluster_config.SERVICE_TOKEN_FILENAME
    return (Path(token).parent / "namespace").read_text(encoding="ascii").strip()
