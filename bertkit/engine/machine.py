"""Which machine this is, told without torch: measurements hold for the machine they were made on."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from bertkit.engine import cores, threads

CPU_INFO = Path("/proc/cpuinfo")
DEVICES = Path("/dev")
# Of NVIDIA's driver, of Windows beneath a Linux of its own (WSL), and of AMD's driver.
GPUS = ("nvidia[0-9]*", "dxg", "kfd")
LIBRARIES = ("torch", "onnxruntime")


def fingerprint() -> dict[str, Any]:
    """Return what decides how fast a backend is here: processor, cores, threads, versions, and if there is a GPU."""
    return {
        "cpu": _processor(),
        "cores": cores.installed(),
        "threads": threads.count(),
        "gpu": has_gpu(),
        "versions": {name: _version(name) for name in LIBRARIES},
    }


def has_gpu() -> bool:
    """Tell whether a GPU can be seen; torch, which would know for certain, takes seconds to import."""
    if sys.platform == "darwin":
        return platform.machine() == "arm64"
    if os.environ.get("CUDA_VISIBLE_DEVICES", "0").strip() in {"", "-1"}:
        return False
    return any(any(DEVICES.glob(name)) for name in GPUS)


def _version(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        lines = CPU_INFO.read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or platform.machine()
