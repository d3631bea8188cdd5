"""What we ask of a Kubernetes cluster, and no more.

Only this module and connection.py know the kubernetes library.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import datetime
from typing import Any, TypedDict, Unpack
from urllib.parse import quote

from kubernetes import client as kubernetes_client
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from hptune.backends.katib.cluster.api_call import (
    CONFIG_MAPS,
    EVENTS,
    EXPERIMENTS,
    JOBS,
    NODES,
    PODS,
    SUGGESTIONS,
    TRIALS,
    Call,
    Resource,
)
from hptune.backends.katib.cluster.errors import ConflictError, ExpiredError, NotThereError, refusal
from hptune.backends.katib.cluster.watch import Object, apply, by_name, whole_lines
from hptune.backends.katib.experiment.names import EXPERIMENT_LABEL, NAME_LABEL, OWN_NAME
from hptune.errors import ClusterError, UsageError
from hptune.retry import CLUSTER, UNKNOWN_CLUSTER, Patience, status_may_pass
from hptune.storage.remote import redacted

_CONNECT_TIMEOUT_S = 10.0
_READ_TIMEOUT_S = 30.0
_MERGE_PATCH = {"Content-Type": "application/merge-patch+json"}


class _More(TypedDict, total=False):
    """What a request may have beside its method and its path."""

    query: Mapping[str, str]
    body: Object
    headers: Mapping[str, str]


class Cluster:
    """One namespace of a cluster. Whatever it does not do or tell raises a ClusterError that says why.

    Args:
        api: How to reach the server.
        namespace: The namespace.
        patience: How long to try again where the reason may pass: no connection, server errors, throttling.
        first_patience: Patience until the server has answered once.
    """

    def __init__(
        self,
        api: kubernetes_client.ApiClient,
        namespace: str,
        *,
        patience: Patience = CLUSTER,
        first_patience: Patience = UNKNOWN_CLUSTER,
    ) -> None:
        self._api = api
        self.namespace = namespace
        self._patience = patience
        self._first_patience = first_patience
        self._has_answered = False

    def create_experiment(self, manifest: Object) -> Object:
        """Creates an Experiment.

        Raises:
            ExistsError: There is one of the name; it may have been made by an attempt whose answer was lost.
            UsageError: Katib refuses it.
        """
        return self._create(EXPERIMENTS, manifest)

    def create_job(self, manifest: Object) -> Object:
        """Creates a Job of Kubernetes' own.

        Raises:
            ExistsError: There is one of the name; it may have been made by an attempt whose answer was lost.
            UsageError: The cluster refuses it.
        """
        return self._create(JOBS, manifest)

    def experiment(self, name: str) -> Object:
        """Reads one Experiment.

        Raises:
            NotThereError: There is none of this name.
        """
        return self._get(EXPERIMENTS, name)

    def experiments(self) -> list[Object]:
        """Lists the Experiments that hptune made."""
        return self._items(EXPERIMENTS, f"{NAME_LABEL}={OWN_NAME}")

    def suggestion(self, experiment: str) -> Object:
        """Reads the Suggestion of an Experiment, which has its name.

        Raises:
            NotThereError: There is none yet.
        """
        return self._get(SUGGESTIONS, experiment)

    def limit_failures(self, name: str, count: int) -> None:
        """Sets how many failed trials end an Experiment: the one way to end it that keeps its trials.

        Raises:
            UsageError: Katib refuses it, as it does once all trials have been created.
        """
        self._patch(EXPERIMENTS, name, {"spec": {"maxFailedTrialCount": count}})

    def annotate_experiment(self, name: str, annotations: Mapping[str, str | None]) -> None:
        """Sets annotations of an Experiment, and takes away those that are None.

        Raises:
            NotThereError: There is none of this name.
        """
        self._patch(EXPERIMENTS, name, {"metadata": {"annotations": dict(annotations)}})

    def delete_experiment(self, name: str) -> None:
        """Deletes an Experiment, with it its trials, their jobs and pods.

        Raises:
            NotThereError: There is none of this name.
        """
        self._delete(EXPERIMENTS, name)

    def delete_trial(self, name: str) -> None:
        """Deletes a trial, with it its job and pod.

        Raises:
            NotThereError: There is none of this name.
        """
        self._delete(TRIALS, name)

    def trials(self, experiment: str | None = None) -> list[Object]:
        """Lists the trials of an Experiment, or of all, in no certain order."""
        return self._items(TRIALS, _of(experiment))

    def follow_trials(self, experiment: str, heartbeat_s: float) -> Iterator[list[Object]]:
        """Yields the trials of an Experiment: at once, after a change, and after ``heartbeat_s`` without one.

        A connection that breaks is made again where it broke; what was missed meanwhile is caught up on, with
        a new list where the server does not remember it any more.

        Raises:
            ClusterError: The cluster does not tell, and has not for as long as this cluster's patience.
        """
        query = {"labelSelector": _of(experiment)}
        version = ""
        known: dict[str, Object] = {}
        while True:
            if not version:
                listed = self._list(TRIALS, query)
                version = listed["metadata"]["resourceVersion"]
                known = by_name(listed["items"])
                yield list(known.values())
            begun = time.monotonic()
            try:
                for event in self._watch(TRIALS, query, version, heartbeat_s):
                    version = event["object"]["metadata"]["resourceVersion"]
                    if apply(known, event):
                        yield list(known.values())
                yield list(known.values())
            except ExpiredError:
                version = ""
            # A server that ends each watch at once must not be asked again at once.
            time.sleep(max(0.0, begun + self._patience.first_pause_s - time.monotonic()))

    def pod(self, name: str) -> Object:
        """Returns one pod.

        Raises:
            NotThereError: There is none of this name.
        """
        return self._get(PODS, name)

    def pods(self, experiment: str | None = None) -> list[Object]:
        """Lists the pods of an Experiment, or of all: those of trials and of suggestion services."""
        return self._items(PODS, _of(experiment))

    def log(
        self, pod: str, container: str, *, since: datetime | None = None, last_lines: int | None = None
    ) -> bytes:
        """Reads what a container printed, each line with the time of its printing in front.

        Args:
            pod: The pod's name.
            container: The container's name.
            since: Leaves out what was printed in the seconds before.
            last_lines: Leaves out all lines but the last.

        Returns:
            The lines; none where the container has not started or its pod is gone.
        """
        query = {"container": container, "timestamps": "true"}
        if since is not None:
            query["sinceTime"] = since.strftime("%Y-%m-%dT%H:%M:%SZ")
        if last_lines is not None:
            query["tailLines"] = str(last_lines)
        call = Call("get", PODS, self.namespace, pod, part="log")
        try:
            response = self._request(call, "GET", self._path(PODS, pod, "log"), query=query)
        except (NotThereError, UsageError):
            # Bad request is what a container that waits to start is answered with.
            return b""
        return bytes(response.data)

    def events(self, kind: str, name: str) -> list[Object]:
        """Lists what the cluster noted about an object of late, oldest first."""
        selector = f"involvedObject.kind={kind},involvedObject.name={name}"
        found: list[Object] = self._list(EVENTS, {"fieldSelector": selector})["items"]
        return sorted(found, key=lambda event: event.get("lastTimestamp") or event.get("eventTime") or "")

    def nodes(self) -> list[Object]:
        """Lists the cluster's nodes, which are in no namespace.

        Raises:
            ClusterError: The cluster does not tell, which takes a right that a Role cannot give.
        """
        items: list[Object] = self._json(Call("list", NODES, ""), "GET", f"{NODES.root}/nodes")["items"]
        return items

    def edit_config_map(self, name: str, edit: Callable[[dict[str, str]], dict[str, str]]) -> bool:
        """Edits a ConfigMap's data; what others write to it meanwhile is kept.

        Args:
            name: The ConfigMap's name.
            edit: Makes the new data of the present; called again where somebody else was faster.

        Returns:
            Whether there was anything to change.

        Raises:
            NotThereError: There is none of this name.
        """
        path = self._path(CONFIG_MAPS, name)
        while True:
            present = self._get(CONFIG_MAPS, name)
            data = present.get("data") or {}
            changed = edit(dict(data))
            if changed == data:
                return False
            try:
                # It carries the version that it was read at, so the server refuses it where that is past.
                body = {**present, "data": changed}
                self._json(Call("update", CONFIG_MAPS, self.namespace, name), "PUT", path, body=body)
            except ConflictError:
                continue
            return True

    def _create(self, resource: Resource, manifest: Object) -> Object:
        call = Call("create", resource, self.namespace, manifest["metadata"]["name"])
        return self._json(call, "POST", self._path(resource), body=manifest)

    def _get(self, resource: Resource, name: str) -> Object:
        return self._json(Call("get", resource, self.namespace, name), "GET", self._path(resource, name))

    def _patch(self, resource: Resource, name: str, body: Object) -> None:
        call = Call("patch", resource, self.namespace, name)
        self._json(call, "PATCH", self._path(resource, name), body=body, headers=_MERGE_PATCH)

    def _delete(self, resource: Resource, name: str) -> None:
        call = Call("delete", resource, self.namespace, name)
        self._json(call, "DELETE", self._path(resource, name), body={"propagationPolicy": "Background"})

    def _items(self, resource: Resource, labels: str) -> list[Object]:
        items: list[Object] = self._list(resource, {"labelSelector": labels})["items"]
        return items

    def _list(self, resource: Resource, query: Mapping[str, str]) -> Object:
        call = Call("list", resource, self.namespace)
        listed = self._json(call, "GET", self._path(resource), query=query)
        if "items" not in listed:
            raise self._not_kubernetes(call)
        return listed

    def _watch(
        self, resource: Resource, query: Mapping[str, str], version: str, seconds: float
    ) -> Iterator[Object]:
        """Yields events until ``seconds`` are over or the connection breaks.

        Raises:
            ExpiredError: The server does not remember this version.
        """
        call = Call("watch", resource, self.namespace)
        options = {"watch": "true", "resourceVersion": version, "allowWatchBookmarks": "true"}
        options["timeoutSeconds"] = str(max(1, round(seconds)))
        with closing(
            self._request(
                call,
                "GET",
                self._path(resource),
                query={**query, **options},
                read_timeout_s=seconds + _READ_TIMEOUT_S,
            )
        ) as response:
            for line in whole_lines(response.stream(decode_content=False)):
                event = self._object(call, line)
                if event["type"] == "ERROR":
                    if event["object"].get("code") == 410:
                        raise ExpiredError(str(call))
                    # It passes, as the end of a connection does.
                    return
                yield event

    def _path(self, resource: Resource, *names: str) -> str:
        parts = ("namespaces", self.namespace, resource.plural, *names)
        return "/".join((resource.root, *(quote(part, safe="") for part in parts)))

    def _json(
        self,
        call: Call,
        method: str,
        path: str,
        **more: Unpack[_More],
    ) -> Object:
        return self._object(call, self._request(call, method, path, **more).data)

    def _object(self, call: Call, text: bytes) -> Object:
        try:
            content = json.loads(text)
        except ValueError:
            content = None
        if not isinstance(content, dict):
            raise self._not_kubernetes(call)
        return content

    def _not_kubernetes(self, call: Call) -> ClusterError:
        # A login page of a proxy in between, for one.
        return ClusterError(f"{call}: what answers at {self._address} is not the API of a Kubernetes cluster")

    def _request(
        self,
        call: Call,
        method: str,
        path: str,
        *,
        read_timeout_s: float = _READ_TIMEOUT_S,
        **more: Unpack[_More],
    ) -> Any:  # noqa: ANN401  (urllib3's response; its data is whole only when it is read)
        def ask() -> Any:  # noqa: ANN401
            response = self._api.call_api(
                path,
                method,
                query_params=list(more.get("query", {}).items()),
                header_params={"Accept": "application/json, */*", **more.get("headers", {})},
                body=more.get("body"),
                auth_settings=["BearerToken"],
                _return_http_data_only=True,
                _preload_content=False,
                _request_timeout=(_CONNECT_TIMEOUT_S, read_timeout_s),
            )
            if call.verb != "watch":
                # Read here, because the connection may break on the way.
                _ = response.data
            self._has_answered = True
            return response

        patience = self._patience if self._has_answered else self._first_patience
        try:
            return patience.retrying(_may_pass, asked_s=_retry_after_s)(ask)
        except ApiException as error:
            raise self._translated(call, error) from None
        except HTTPError as error:
            raise ClusterError(f"{call}: {self._address} does not answer ({error})") from None

    def _translated(self, call: Call, error: ApiException) -> ClusterError | UsageError:
        if not error.status:
            problem = " ".join(str(error.reason).split())
            return ClusterError(f"{call}: no secure connection to {self._address} ({problem})")
        return refusal(call, error.status, error.body)

    @property
    def _address(self) -> str:
        return redacted(str(self._api.configuration.host))


def _of(experiment: str | None) -> str:
    """Selects by label what belongs to an Experiment; without one, to any."""
    return EXPERIMENT_LABEL if experiment is None else f"{EXPERIMENT_LABEL}={experiment}"


def _may_pass(error: BaseException) -> bool:
    if isinstance(error, ApiException):
        return status_may_pass(error.status or 0)
    return isinstance(error, HTTPError)


def _retry_after_s(error: BaseException) -> float:
    headers = error.headers if isinstance(error, ApiException) else None
    after = (headers or {}).get("Retry-After", "")
    return float(after) if after.isdecimal() else 0.0
