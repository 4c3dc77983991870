"""Clock, peak memory and ceiling of the GPU benchmark."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

import torch

SIDE = 8192
REPEATS = 20


@dataclass(frozen=True)
class Measured:
    """What one work took.

    Args:
        seconds: Of each round.
        memory: The most that was allocated at once, in bytes; 0 on a CPU.
    """

    seconds: list[float]
    memory: int

    @property
    def median(self) -> float:
        """The median round, in seconds."""
        return median(self.seconds)


def measure(works: Mapping[str, Callable[[], None]], device: str, rounds: int) -> dict[str, Measured]:
    """Run works in turn, after one round that does not count.

    Args:
        works: By name.
        device: "cuda" or "cpu".
        rounds: How often each is run.
    """
    seconds: dict[str, list[float]] = {name: [] for name in works}
    memory = dict.fromkeys(works, 0)
    for number in range(rounds + 1):
        for name, work in works.items():
            taken, peak = _run(work, device)
            if number:
                seconds[name].append(taken)
                memory[name] = max(memory[name], peak)
    return {name: Measured(seconds[name], memory[name]) for name in works}


def matmul_rate(device: str, side: int = SIDE) -> float:
    """Return the multiplications and additions a second of large bf16 matrices.

    Args:
        device: "cuda" or "cpu".
        side: Of the square matrices.
    """
    one, other = (torch.randn(side, side, device=device, dtype=torch.bfloat16) for _ in range(2))

    def work() -> None:
        for _ in range(REPEATS):
            one @ other

    return REPEATS * 2 * side**3 / measure({"matmul": work}, device, 5)["matmul"].median


def model_work(config: Any, lengths: list[int]) -> float:
    """Return the multiplications and additions of one forward pass over the tokens themselves, without padding.

    Twice the matrix weights of all layers for each token, and the products of queries with keys and of weights with
    values; embeddings, pooler and head are left out.

    Args:
        config: Of BERT.
        lengths: Tokens of each window.
    """
    width, tokens = config.hidden_size, sum(lengths)
    weights = 4 * width**2 + 2 * width * config.intermediate_size
    attention = 4 * width * sum(length**2 for length in lengths)
    return float(config.num_hidden_layers * (2 * weights * tokens + attention))


def _run(work: Callable[[], None], device: str) -> tuple[float, int]:
    if device == "cpu":
        started = time.perf_counter()
        work()
        return time.perf_counter() - started, 0
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    started = time.perf_counter()
    work()
    torch.cuda.synchronize()
    return time.perf_counter() - started, torch.cuda.max_memory_allocated()
