"""One call of a Kubernetes API server, as its roles and its messages name it."""

from __future__ import annotations

import json
from dataclasses import dataclass


@dataclass(frozen=True)
class Resource:
    """A kind of object.

    Attributes:
        group: The kind's API group; empty for Kubernetes' core group.
        version: The group's version.
        plural: The kind's name in addresses and in roles.
    """

    group: str
    version: str
    plural: str

    @property
    def root(self) -> str:
        """Where addresses of the group begin."""
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"

    def __str__(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural


EXPERIMENTS = Resource("kubeflow.org", "v1beta1", "experiments")
TRIALS = Resource("kubeflow.org", "v1beta1", "trials")
SUGGESTIONS = Resource("kubeflow.org", "v1beta1", "suggestions")
PODS = Resource("", "v1", "pods")
EVENTS = Resource("", "v1", "events")
JOBS = Resource("batch", "v1", "jobs")
CONFIG_MAPS = Resource("", "v1", "configmaps")
NODES = Resource("", "v1", "nodes")


@dataclass(frozen=True)
class Call:
    """One question to the server.

    Attributes:
        verb: Kubernetes' word for it, as roles have it.
        resource: The kind of object that is asked for.
        namespace: The object's namespace; empty for what is in none.
        name: The object's name; empty for all objects.
        part: A part of the object with a right of its own, such as ``log``.
    """

    verb: str
    resource: Resource
    namespace: str
    name: str = ""
    part: str = ""

    def __str__(self) -> str:
        name = f" {self.name!r}" if self.name else ""
        part = f" ({self.part})" if self.part else ""
        place = f" in namespace {self.namespace!r}" if self.namespace else ""
        return f"{self.verb} {self.resource}{name}{part}{place}"

    @property
    def rule(self) -> str:
        """The rule of a Role that allows it."""
        resource = f"{self.resource.plural}/{self.part}" if self.part else self.resource.plural
        group, verb = json.dumps([self.resource.group]), json.dumps([self.verb])
        return f"apiGroups: {group}, resources: {json.dumps([resource])}, verbs: {verb}"
