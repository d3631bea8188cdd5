"""Hands a compiled pipeline to a KFP API server: upload, and start a run."""

import hashlib
import io
import json
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kfp_server_api
import yaml
from kfp import Client
from urllib3.exceptions import HTTPError

from hptune.errors import HptuneError

_DIGEST_DIGITS = 8


@dataclass(frozen=True)
class Uploaded:
    """A pipeline version on a server.

    Attributes:
        pipeline_id: The pipeline's id.
        version_id: The version's id.
        name: The version's name.
        existed: Whether it was there before.
    """

    pipeline_id: str
    version_id: str
    name: str
    existed: bool


def read_package(path: Path) -> list[dict[str, Any]]:
    """Reads a compiled pipeline's documents, without the version of kfp that compiled them."""
    documents: list[dict[str, Any]] = list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
    documents[0].pop("sdkVersion", None)
    return documents


def version_name(revision: str, package: Path) -> str:
    """Makes a name of the git revision and a digest of the content: images and GPUs may differ."""
    content = json.dumps(read_package(package), sort_keys=True)
    return f"{revision}-{hashlib.sha256(content.encode()).hexdigest()[:_DIGEST_DIGITS]}"


class _Client(Client):  # type: ignore[misc]
    """kfp's client, which asks an unreachable server five times, with a traceback and a pause after each."""

    def get_kfp_healthz(self, sleep_duration: int = 0) -> kfp_server_api.V2beta1GetHealthzResponse:  # noqa: ARG002
        return self._healthz_api.healthz_service_get_healthz()

    def create_empty_pipeline(self, name: str, namespace: str | None) -> str:
        """Makes a pipeline without the version of its own name that `upload_pipeline` gives it."""
        new = kfp_server_api.V2beta1Pipeline(display_name=name, name=name, namespace=namespace)
        pipeline_id: str = self._pipelines_api.pipeline_service_create_pipeline(new).pipeline_id
        return pipeline_id


class Server:
    """A KFP API server.

    Args:
        endpoint: The server's address; None for that of the cluster this runs in, or of the kubeconfig.
        token: A bearer token; None where none is needed.
        namespace: The user's, on a multi-user installation; None elsewhere.

    Raises:
        HptuneError: It cannot be reached.
    """

    def __init__(self, endpoint: str | None, token: str | None = None, namespace: str | None = None) -> None:
        self._namespace = namespace
        with warnings.catch_warnings(), _translated():
            warnings.simplefilter("ignore", FutureWarning)
            self._client = _Client(host=endpoint, existing_token=token, namespace=namespace or "kubeflow")

    def upload(self, package: Path, pipeline: str, version: str) -> Uploaded:
        """Uploads a version, unless the server has one of that name.

        Raises:
            HptuneError: The server refused, or cannot be reached.
        """
        with _translated():
            pipeline_id = self._pipeline_id(pipeline)
            if pipeline_id is None:
                pipeline_id = self._client.create_empty_pipeline(pipeline, self._namespace)
            found = self._client.list_pipeline_versions(pipeline_id, filter=_named(version)).pipeline_versions
            if found:
                return Uploaded(pipeline_id, found[0].pipeline_version_id, version, existed=True)
            new = self._client.upload_pipeline_version(str(package), version, pipeline_id=pipeline_id)
            return Uploaded(pipeline_id, new.pipeline_version_id, version, existed=False)

    def start(
        self, uploaded: Uploaded, experiment: str, parameters: Mapping[str, Any], service_account: str | None
    ) -> str:
        """Starts a run of an uploaded version; returns the run's id.

        Raises:
            HptuneError: The server refused, or cannot be reached.
        """
        with _translated():
            in_experiment = self._client.create_experiment(experiment, namespace=self._namespace)
            run = self._client.run_pipeline(
                in_experiment.experiment_id,
                f"{experiment} {uploaded.name}",
                params=dict(parameters),
                pipeline_id=uploaded.pipeline_id,
                version_id=uploaded.version_id,
                service_account=service_account,
            )
            run_id: str = run.run_id
            return run_id

    def _pipeline_id(self, name: str) -> str | None:
        # Not the client's get_pipeline_id, which looks in no namespace.
        found = self._client.list_pipelines(namespace=self._namespace, filter=_named(name)).pipelines
        return found[0].pipeline_id if found else None


def _named(name: str) -> str:
    predicate = {"operation": "EQUALS", "key": "display_name", "stringValue": name}
    return json.dumps({"predicates": [predicate]})


@contextmanager
def _translated() -> Iterator[None]:
    """Turns the client's errors into ours, and leaves out what it prints: links to a port that may go."""
    try:
        with redirect_stdout(io.StringIO()):
            yield
    except kfp_server_api.ApiException as error:
        raise HptuneError(f"the KFP server answered {error.status} {error.reason}: {error.body}") from error
    except (HTTPError, OSError) as error:
        raise HptuneError(f"the KFP server cannot be reached: {error}") from error
