"""What a training would do: rows, tokens, steps, and an estimate of time and memory from a few timed steps."""

from __future__ import annotations

import resource
import sys
import time
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from bertkit.adapters._results import Grid
from bertkit.engine import device, flat, layers
from bertkit.engine.prepare import Prepared, Split

SHOWN = 3
TIMED = 4
MOST_LABELS = 20


@dataclass(frozen=True)
class Plan:
    """A training that was prepared and measured, but not done.

    Args:
        prepared: Recipe, rows and checkpoint.
        seconds_per_step: Median over a few steps on batches of typical length.
        memory: Highest use of memory while these ran, in MiB.
        device: Where they ran.
    """

    prepared: Prepared
    seconds_per_step: float
    memory: float
    device: str

    @property
    def steps(self) -> int:
        """Optimizer steps, if nothing stops early."""
        return int(np.ceil(self.prepared.steps_per_epoch * float(self.prepared.recipe.train.epochs)))

    def grids(self) -> list[Grid]:
        """Return rows and labels of each split, and a few rows as tokens with their segments."""
        prepared = self.prepared
        return [
            Grid("Rows", ["split", "source", "rows", "windows", "longest", "mean"], [
                ["train", *_lengths(prepared.train)],
                ["validation", *_lengths(prepared.validation)],
            ]),
            Grid("Labels of the training rows", ["label", "times"], _labels(prepared)),
            Grid(f"The first {SHOWN} rows", ["tokens (segment)"], [[line] for line in self.samples()]),
        ]  # fmt: skip

    def samples(self) -> list[str]:
        """Return a few training windows as tokens, each run of one segment followed by its id."""
        tokenizer = self.prepared.encoder.tokenizer
        lines = []
        for window in (window for window in self.prepared.train.encoded.windows if window.row < SHOWN):
            tokens = [str(tokenizer.id_to_token(int(token))) for token in window.input_ids]
            cuts = [0, *(np.flatnonzero(np.diff(window.segment_ids)) + 1).tolist(), len(tokens)]
            pieces = [f"{' '.join(tokens[a:b])} ({window.segment_ids[a]})" for a, b in pairwise(cuts)]
            lines.append(" ".join(pieces))
        return lines

    def sentence(self) -> str:
        """Return steps, time and memory as a sentence."""
        minutes = self.steps * self.seconds_per_step / 60
        return (
            f"{self.steps} steps of {self.prepared.recipe.train.batch_size} rows, {self.seconds_per_step:.2f} s each "
            f"on {self.device}: about {minutes:.1f} minutes if nothing stops early, evaluation not counted; "
            f"memory about {self.memory:,.0f} MiB."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the plan for --json."""
        return {
            "recipe": self.prepared.recipe.model_dump(mode="json"),
            "origins": self.prepared.resolved.origins,
            "data": {key: value for key, value in self.prepared.data_info().items() if key != "held_out"},
            "samples": self.samples(),
            "steps": self.steps,
            "seconds_per_step": self.seconds_per_step,
            "seconds": self.steps * self.seconds_per_step,
            "memory_mib": self.memory,
            "device": self.device,
        }


def plan(prepared: Prepared) -> Plan:
    """Time a few steps of a training; nothing is written.

    Args:
        prepared: From `finetune.prepare_request`.
    """
    target = device.choose()
    return Plan(prepared, _timed(prepared, target), _memory(target), target)


def _timed(prepared: Prepared, target: str) -> float:
    import torch

    from bertkit.engine import model as models

    settings = prepared.recipe.train
    windows = prepared.train.taught
    network = models.for_training(
        prepared.checkpoint.folder,
        prepared.adapter,
        settings.seed,
        checkpointing=settings.gradient_checkpointing,
    )
    network = network.to(target).train()
    layers.quicken(network, target, layers.fastest_linear(target), per_token=prepared.adapter.per_token)
    collate = prepared.collate(network, target)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-9)
    batches = list(prepared.batches())
    # The batch with the longest window first, for memory; it also warms up, so its time is left out.
    heaviest = max(batches, key=lambda batch: max(windows[index].input_ids.size for index in batch))
    seconds = []
    for batch in [heaviest, *batches[:TIMED]]:
        started = time.perf_counter()
        step = collate([windows[index] for index in batch])
        for part in step["parts"]:
            inputs = {key: value.to(target) for key, value in part.items()}
            labels = inputs.pop("labels")
            loss = prepared.adapter.loss(prepared.adapter.logits(flat.forward(network, **inputs)), labels)
            (loss / step["labels"].numel()).backward()
        optimizer.step()
        optimizer.zero_grad()
        if target == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - started)
    return float(np.median(seconds[1:]))


def _memory(target: str) -> float:
    if target == "cuda":
        import torch

        return torch.cuda.max_memory_allocated() / 2**20
    # Linux counts the resident set in KiB, macOS in bytes.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**10 if sys.platform == "linux" else 2**20)


def _lengths(split: Split) -> list[Any]:
    sizes = [window.input_ids.size for window in split.encoded.windows]
    return [split.examples.source, len(split.examples.rows), len(sizes), max(sizes), float(np.mean(sizes))]


def _labels(prepared: Prepared) -> list[list[Any]]:
    counts = Counter(lesson for row in prepared.train.examples.rows for lesson in prepared.adapter.lessons(row))
    lines: list[list[Any]] = [[label, count] for label, count in counts.most_common(MOST_LABELS)]
    rest = counts.total() - sum(count for _, count in lines)
    return [*lines, [f"and {len(counts) - MOST_LABELS} more", rest]] if rest else lines
