"""The physical cores of this machine, and how many of them this process may use."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

CPUS = Path("/sys/devices/system/cpu")
CGROUPS = Path("/sys/fs/cgroup")
OWN_CGROUPS = Path("/proc/self/cgroup")


def usable() -> int:
    """Return the physical cores that this process may use: those it is bound to, within the quota of its container.

    Two threads on the two halves of one core compute dense matrices no faster than one.
    """
    bound = os.sched_getaffinity(0) if sys.platform == "linux" else None
    return max(min([_physical(bound), *map(math.ceil, _quotas())]), 1)


def installed() -> int:
    """Return the physical cores of the whole machine."""
    return _physical(range(os.cpu_count() or 1) if sys.platform == "linux" else None)


def _physical(logical: Iterable[int] | None) -> int:
    if logical is not None:
        return len({_siblings(cpu) for cpu in logical})
    return _performance_cores() or os.cpu_count() or 1


def _siblings(cpu: int) -> str:
    """Return the logical cores that share a physical one with this, or its own number where nothing says so."""
    try:
        return (CPUS / f"cpu{cpu}" / "topology" / "thread_siblings_list").read_text().strip()
    except OSError:
        return str(cpu)


def _performance_cores() -> int | None:
    """Return the fast cores of a Mac, or None elsewhere; the slow ones would keep the fast ones waiting."""
    if sys.platform != "darwin":
        return None
    for name in ("hw.perflevel0.physicalcpu", "hw.physicalcpu"):
        found = subprocess.run(["sysctl", "-n", name], capture_output=True, text=True, check=False).stdout.strip()
        if found.isdecimal():
            return int(found)
    return None


def _quotas() -> Iterator[float]:
    """Yield how many cores' worth of time the control groups of this process allow, each its own limit."""
    try:
        lines = OWN_CGROUPS.read_text().splitlines()
    except OSError:
        return
    for _, controllers, own in (line.split(":", 2) for line in lines):
        # Version 2 has one group of all controllers, version 1 a tree for each.
        if not controllers or "cpu" in controllers.split(","):
            root = CGROUPS / "cpu" if controllers else CGROUPS
            group = root / own.lstrip("/")
            # The folder of a group is not to be seen from inside a container, whose own limit stands at the root.
            for folder in (group, *group.parents):
                if folder.is_relative_to(root):
                    yield from _limit(folder)


def _limit(folder: Path) -> Iterator[float]:
    """Yield the limit that one group sets, in either version of control groups."""
    try:
        if (folder / "cpu.max").is_file():
            quota, period = (folder / "cpu.max").read_text().split()
        else:
            quota, period = ((folder / f"cpu.cfs_{name}_us").read_text().strip() for name in ("quota", "period"))
    except OSError:
        return
    if quota not in {"max", "-1"}:
        yield int(quota) / int(period)
