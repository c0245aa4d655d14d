"""Pod Security, profile `restricted`: what a namespace that enforces it would say of a pod.

The rules are those of Kubernetes' Pod Security Standards; fields that our pods never have are not looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.deploy.tools import Document

_VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
_PROFILES = {"RuntimeDefault", "Localhost"}
_OF_THE_HOST = ("hostNetwork", "hostPID", "hostIPC")


def faults(pod: Document) -> list[str]:
    """What is not restricted in a pod's specification, with its place."""
    found = [f"{name} is set" for name in _OF_THE_HOST if pod.get(name)]
    for volume in pod.get("volumes", ()):
        found += [f"volume {volume['name']}: {kind}" for kind in volume.keys() - {"name"} - _VOLUMES]
    for container in containers(pod):
        found += [f"{container['name']}: {fault}" for fault in _of_container(pod, container)]
    return found


def containers(pod: Document) -> list[Any]:
    """All that run in it, one after another or together."""
    return [*pod.get("initContainers", ()), *pod.get("containers", ())]


def _of_container(pod: Document, container: Document) -> Iterator[str]:
    own = container.get("securityContext", {})
    context = {**pod.get("securityContext", {}), **own}
    if own.get("privileged"):
        yield "is privileged"
    if own.get("allowPrivilegeEscalation") is not False:
        yield "allows privilege escalation"
    if "ALL" not in own.get("capabilities", {}).get("drop", ()):
        yield "keeps capabilities"
    if set(own.get("capabilities", {}).get("add", ())) - {"NET_BIND_SERVICE"}:
        yield "adds capabilities"
    if context.get("runAsNonRoot") is not True or context.get("runAsUser") == 0:
        yield "may run as root"
    if context.get("seccompProfile", {}).get("type") not in _PROFILES:
        yield "has no seccomp profile"
    if any("hostPort" in port for port in container.get("ports", ())):
        yield "has a port of the host"
