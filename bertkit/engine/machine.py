"""Which machine this is, told without torch: measurements hold for the machine they were made on."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path
from typing import Any

from bertkit.engine import cores, threads

CPU_INFO = Path("/proc/cpuinfo")
# NVIDIA's driver, and AMD's.
GPU_FILES = (Path("/dev/nvidia0"), Path("/dev/kfd"))
HIDES_GPUS = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES")


def fingerprint() -> dict[str, Any]:
    """Return what decides how fast a backend is here: processor, cores, threads and whether there is a GPU."""
    return {
        "cpu": _processor(),
        "cores": cores.installed(),
        "threads": threads.count(),
        "gpu": has_gpu(),
    }


def has_gpu() -> bool:
    """Tell whether a GPU can be seen; torch, which would know for certain, takes seconds to import."""
    if sys.platform == "darwin":
        return platform.machine() == "arm64"
    if any(os.environ.get(name, "0").strip() in {"", "-1"} for name in HIDES_GPUS):
        return False
    return any(path.exists() for path in GPU_FILES)


def _processor() -> str:
    try:
        lines = CPU_INFO.read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or platform.machine()
