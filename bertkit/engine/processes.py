"""Several processes that do one job: which one this is, and what they tell each other.

A launcher (`--processes`, torchrun, accelerate launch) starts the same command several times and says in the
environment how many there are. Alone, a process has nothing to agree on and imports nothing here.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar

from bertkit.errors import PeerLostError, UsageError

# How gloo and NCCL say that the other end of a connection is gone.
LOST = ("closed by peer", "reset by peer", "Broken pipe", "remote process exited", "Connection refused")
Item = TypeVar("Item")
Answer = TypeVar("Answer")


def check_launcher() -> None:
    """Refuse launchers that divide the model itself.

    Raises:
        UsageError: FSDP or DeepSpeed is switched on.
    """
    for name in ("FSDP", "DEEPSPEED"):
        if os.environ.get(f"ACCELERATE_USE_{name}", "false").lower() == "true":
            raise UsageError(
                f"accelerate launch is told to use {name}, which bertkit does not: its models fit on one device",
                "accelerate launch --multi_gpu -m bertkit finetune ..., or --processes N",
            )


def count() -> int:
    """Return how many processes do this job."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def index() -> int:
    """Return which of them this is, from 0."""
    return int(os.environ.get("RANK", "0")) if count() > 1 else 0


def is_main() -> bool:
    """Tell whether this is the one process that writes and shows."""
    return index() == 0


def gather(value: Answer) -> list[Answer]:
    """Return the values of all processes, in their order.

    Args:
        value: What `wire.to_bytes` takes.
    """
    if count() == 1:
        return [value]
    from bertkit.engine import wire

    parts = _all_bytes(wire.to_bytes(value))
    return [value if position == index() else wire.from_bytes(part) for position, part in enumerate(parts)]


def agree(choose: Callable[[], Answer]) -> Answer:
    """Return what the main process chooses."""
    if count() == 1:
        return choose()
    chosen: list[Any] = gather(choose() if is_main() else None)
    value: Answer = chosen[0]
    return value


def wait() -> None:
    """Return when all processes have come here."""
    gather(None)


def shared(items: Sequence[Item], answer: Callable[[Sequence[Item]], Sequence[Answer]]) -> list[Answer]:
    """Return the answers to all items, of which each process gives its share.

    Args:
        items: The same in every process.
        answer: From some items to as many answers.
    """
    return merge(answer(share(items)))


def share(items: Sequence[Item]) -> Sequence[Item]:
    """Return those of some items that this process answers."""
    return items[index() :: count()]


def merge(answers: Sequence[Answer]) -> list[Answer]:
    """Return the answers to all items, in their order, from what each process answered to its `share`."""
    parts = gather(list(answers))
    merged: list[Any] = [None] * sum(map(len, parts))
    for position, part in enumerate(parts):
        merged[position :: count()] = part
    return merged


@contextmanager
def peer_errors() -> Iterator[None]:
    """Turn what a library says when another process has ended into an error of bertkit.

    Raises:
        PeerLostError: Something in the block waited for a process that is gone.
    """
    try:
        yield
    except RuntimeError as error:
        message = str(error)
        if count() > 1 and any(sign in message for sign in LOST):
            raise PeerLostError(f"process {index()} has lost the others: {message.splitlines()[0]}") from error
        raise


def _all_bytes(own: bytes) -> list[bytes]:
    """Return what each process gives, in their order."""
    import torch

    connect()
    # NCCL takes what lies on a GPU only.
    device = "cuda" if torch.distributed.get_backend() == "nccl" else "cpu"
    sizes = torch.zeros(count(), dtype=torch.int64, device=device)
    sizes[index()] = len(own)
    with peer_errors():
        torch.distributed.all_reduce(sizes)
        room = torch.zeros(int(sizes.max()), dtype=torch.uint8, device=device)
        room[: len(own)] = torch.frombuffer(bytearray(own), dtype=torch.uint8).to(device)
        parts = [torch.empty_like(room) for _ in range(count())]
        torch.distributed.all_gather(parts, room)
    return [part[:size].cpu().numpy().tobytes() for part, size in zip(parts, sizes.tolist(), strict=True)]


@cache
def connect() -> None:
    """Connect to the other processes, and give this one its own GPU if there are any.

    Raises:
        UsageError: There are fewer GPUs than processes.
    """
    if count() == 1:
        return
    import torch
    from accelerate import PartialState

    gpus = torch.cuda.device_count()
    here = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    if gpus and here > gpus:
        raise UsageError(f"{here} processes on a machine with {gpus} GPUs", f"--processes {gpus}")
    # Left open, a connection can turn the end of a process that did its work into a failure.
    atexit.register(PartialState(cpu=not torch.cuda.is_available()).destroy_process_group)
