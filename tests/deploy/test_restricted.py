"""The check of Pod Security itself: a sound pod has no faults, and each thing that is not allowed is told."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.deploy.restricted import faults

SOUND: dict[str, Any] = {
    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    "volumes": [{"name": "tmp", "emptyDir": {}}],
    "containers": [
        {"name": "a", "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}}
    ],
}


def test_a_sound_pod_has_no_faults():
    assert faults(SOUND) == []


@pytest.mark.parametrize(
    ("place", "value", "fault"),
    [
        (["hostNetwork"], True, "hostNetwork is set"),
        (["volumes", 0, "hostPath"], {"path": "/"}, "volume tmp: hostPath"),
        (["securityContext", "runAsNonRoot"], False, "a: may run as root"),
        (["securityContext", "runAsUser"], 0, "a: may run as root"),
        (["securityContext", "seccompProfile"], {"type": "Unconfined"}, "a: has no seccomp profile"),
        (["containers", 0, "securityContext", "privileged"], True, "a: is privileged"),
        (["containers", 0, "securityContext", "allowPrivilegeEscalation"], True, "a: allows privilege escalation"),
        (["containers", 0, "securityContext", "capabilities", "drop"], [], "a: keeps capabilities"),
        (["containers", 0, "securityContext", "capabilities", "add"], ["NET_ADMIN"], "a: adds capabilities"),
        (["containers", 0, "ports"], [{"hostPort": 80}], "a: has a port of the host"),
        (["initContainers"], [{"name": "b"}], "b: allows privilege escalation"),
    ],
)
def test_what_is_not_allowed_is_told(place: list[Any], value: object, fault: str):
    pod = copy.deepcopy(SOUND)
    *path, last = place
    part = pod
    for step in path:
        part = part[step]
    part[last] = value
    assert fault in faults(pod)
