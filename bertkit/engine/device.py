"""What the machine offers: device, precision, threads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bertkit.engine import cores, processes
from bertkit.errors import MachineError, UsageError


def choose() -> str:
    """Return "cuda", "mps" or "cpu", the first that is there; of several processes, each has a GPU of its own."""
    import torch

    processes.connect()

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def precision(asked: str, device: str) -> str:
    """Return "fp32", "bf16" or "fp16".

    Args:
        asked: One of these, or "auto": bf16 on GPUs that compute in it, fp16 on older ones, else fp32.
        device: "cuda", "mps" or "cpu".

    Raises:
        UsageError: Half precision on a CPU, where it is emulated and many times slower.
    """
    import torch

    if device == "cpu" and asked in {"bf16", "fp16"}:
        raise UsageError(
            f"train.precision={asked}: CPUs compute it many times slower than fp32",
            "--set train.precision=fp32",
        )
    if asked != "auto":
        return asked
    if device != "cuda":
        return "fp32"
    return "bf16" if torch.cuda.is_bf16_supported() else "fp16"


def token_budget(device: str) -> int:
    """Return the tokens that are computed at once: on CPUs few enough to stay in the cache."""
    return 1024 if device == "cpu" else 16384


def part_cost(device: str) -> int:
    """Return the price of one more part of a training batch, in tokens: a GPU waits more for each launch."""
    return 64 if device == "cpu" else 2048


@contextmanager
def memory_errors(hint: str) -> Iterator[None]:
    """Turn a lack of memory into an error that says what to do.

    Args:
        hint: What needs less.

    Raises:
        MachineError: Something in the block asked for more memory than there is.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if out_of_memory(error):
            raise MachineError(f"there is too little memory: {str(error).splitlines()[0]}", hint) from error
        raise


def out_of_memory(error: BaseException) -> bool:
    """Tell whether an error says that there is too little memory."""
    return isinstance(error, MemoryError) or "out of memory" in str(error) or "allocate memory" in str(error)


def describe() -> dict[str, Any]:
    """Return what a run records about the machine."""
    import torch

    device = choose()
    name = torch.cuda.get_device_name(0) if device == "cuda" else device
    return {"device": device, "name": name, "threads": torch.get_num_threads(), "cores": cores.installed()}
