"""What must hold of every pod in which Tidegate runs, whoever wrote it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sidecar.app import _LAST_SECONDS
from tests.deploy.tools import Document

ENDPOINTS = {"startupProbe": "/readyz", "readinessProbe": "/readyz", "livenessProbe": "/healthz"}
OUTBOX = "/var/lib/tidegate"
"""Where the image keeps it."""
NATIVE_SIDECAR = {"sidecar.istio.io/nativeSidecar": "true"}
"""What a pod says for Istio's proxy to begin before Tidegate, whose probes the kubelet asks through it."""
_PUBLISHING_S = 5.0


def container_of(pod: Document) -> Any:
    """The container of Tidegate."""
    [found] = [
        each for each in [*pod.get("containers", []), *pod.get("initContainers", [])] if each["name"] == "tidegate"
    ]
    return found


def check_container(container: Document) -> None:
    """It runs as the image's user, writes to volumes only, and is asked at the endpoints that there are."""
    context = container["securityContext"]
    assert context["readOnlyRootFilesystem"] is True
    assert context["allowPrivilegeEscalation"] is False
    assert context["capabilities"] == {"drop": ["ALL"]}
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    for probe, path in ENDPOINTS.items():
        asked = container[probe]["httpGet"]
        assert (asked["path"], ports[asked["port"]]) == (path, 9464)
    resources = container["resources"]
    assert {"cpu", "memory"} <= set(resources["requests"])
    assert {"cpu", "memory"} <= set(resources["limits"])  # models take their threads from the CPU limit


def check_mounts(pod: Document, claims: Iterable[str] = ()) -> None:
    """Every volume that a container mounts is there."""
    volumes = {volume["name"] for volume in pod["volumes"]} | {*claims}
    for container in [*pod.get("containers", []), *pod.get("initContainers", [])]:
        assert {mount["name"] for mount in container.get("volumeMounts", [])} <= volumes, container["name"]


def check_pod(pod: Document, *, drain_s: float) -> None:
    """It keeps its outbox on a volume, and has the time that a drain takes."""
    container = container_of(pod)
    check_container(container)
    check_mounts(pod, claims=["outbox"])
    context = {**pod.get("securityContext", {}), **container["securityContext"]}
    assert context["runAsNonRoot"] is True
    assert context.get("runAsUser", 10001) == 10001
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    assert OUTBOX in mounts
    assert "/tmp" in mounts
    pause = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    assert pod["terminationGracePeriodSeconds"] >= pause + drain_s + _LAST_SECONDS + _PUBLISHING_S
