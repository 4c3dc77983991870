"""How fast this processor multiplies matrices, and how much multiplying a text asks for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median

ROWS = 4096
REPEATS = 15


def matrix_rates(width: int, clock: Callable[[], float]) -> dict[str, float]:
    """Return the floating-point operations a second of a large fp32 product, as feed-forward layers have it.

    MKL, which `linear` calls, does not use the widest instructions of every processor; oneDNN does.

    Args:
        width: Columns of the input; the output has four times as many.
        clock: Gives seconds.

    Returns:
        Library to rate.
    """
    import torch

    inputs, weights = torch.randn(ROWS, width), torch.randn(4 * width, width)
    ways: dict[str, Callable[[], object]] = {"linear": lambda: torch.nn.functional.linear(inputs, weights)}
    if torch.backends.mkldnn.is_available():
        product = torch.ops.mkldnn._linear_pointwise
        ways["oneDNN"] = lambda: product(inputs, weights, None, "none", [], "")
    flop = 2 * ROWS * width * 4 * width
    return {name: flop / _seconds(way, clock) for name, way in ways.items()}


def forward_flop(folder: Path, lengths: Iterable[int]) -> float:
    """Return the floating-point operations of the real tokens on their way through all layers.

    A token costs 2 operations a weight of the layers' matrices, and 4 times length times width a layer for its
    attention. A last layer of which only the first token is computed counts as a full one.

    Args:
        folder: Of the checkpoint.
        lengths: Tokens of each window.
    """
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    width, layers = config["hidden_size"], config["num_hidden_layers"]
    weights = layers * (4 * width**2 + 2 * width * config["intermediate_size"])
    return float(sum(2 * weights * length + 4 * layers * width * length**2 for length in lengths))


def _seconds(way: Callable[[], object], clock: Callable[[], float]) -> float:
    way()
    seconds = []
    for _ in range(REPEATS):
        started = clock()
        way()
        seconds.append(clock() - started)
    return median(seconds)
