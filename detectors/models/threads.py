"""How many CPUs this process may really use.

ONNX Runtime sizes its pools from the host's cores; in a container with a quota of one core on a host of 64 that is
fatal. The answer here is the smaller of the process's affinity and the control group's quota (v2 `cpu.max`, v1
`cpu.cfs_quota_us`), rounded up, at least one.
"""

from __future__ import annotations

import math
import os
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")


def cpu_limit(cgroup: Path = _CGROUP) -> int:
    """The CPUs this process may use, at least 1."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _quota(cgroup)
    return max(1, available if quota is None else min(available, math.ceil(quota)))


def _quota(cgroup: Path) -> float | None:
    """The quota of this process's control group in CPUs, or None without one."""
    for folder in _own_groups(cgroup):
        quota = _quota_of(folder)
        if quota is not None:
            return quota
    return None


def _own_groups(cgroup: Path) -> list[Path]:
    """Where the quota may stand: the process's own group and its parents (v2), then the mounts' roots."""
    folders = [cgroup / "cpu", cgroup / "cpu,cpuacct"]
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        lines = []
    own = next((line[3:] for line in lines if line.startswith("0::")), "/")
    path = cgroup / own.strip("/")
    while path != cgroup and cgroup in path.parents:
        folders.insert(0, path)
        path = path.parent
    return [*folders, cgroup]


def _quota_of(folder: Path) -> float | None:
    try:
        if (folder / "cpu.max").exists():
            quota, period = (folder / "cpu.max").read_text(encoding="ascii").split()
            return None if quota == "max" else int(quota) / int(period)
        quota_us = int((folder / "cpu.cfs_quota_us").read_text(encoding="ascii"))
        return None if quota_us <= 0 else quota_us / int((folder / "cpu.cfs_period_us").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
