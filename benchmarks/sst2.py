"""Training time and accuracy on SST-2, beside a plain Trainer that pads every row to 128 tokens.

python benchmarks/sst2.py
"""

from __future__ import annotations

import argparse
import logging
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import datasets
from _plain_trainer import train as train_plain
from _results import environment, table, write_section
from _run import training_seconds

from bertkit import finetune
from bertkit.engine.prepare import prepare
from bertkit.engine.request import Request, resolve

OVERRIDES = (
    'data.names=["sentence","label"]',
    "adapter.threshold=off",
    "encode.max_length=128",
    "train.epochs=1",
    "train.batch_size=32",
    "train.learning_rate=1e-4",
)
SYSTEMS = ("bertkit", "plain Trainer")
NOTE = """## SST-2: training time

`python benchmarks/sst2.py`: {environment}

Checkpoint minilm, {rows} training rows, one epoch, batch 32, learning rate 1e-4, max_length 128, threshold
tuning off; accuracy on {held} validation rows. The plain Trainer pads to 128 tokens. Training is the Trainer's
own clock of both: bertkit's holds one evaluation and one checkpoint, the plain Trainer's neither. Total is
the whole call: reading, encoding, training, evaluation, and for bertkit the saved run.

{table}

Training takes the plain Trainer {ratio:.2f} times as long as bertkit."""


class Measured(NamedTuple):
    """One training.

    Args:
        system: Who trained.
        seed: Of the training.
        accuracy: On the validation rows.
        training: Seconds of Trainer.train().
        total: Seconds of the whole call.
    """

    system: str
    seed: int
    accuracy: float
    training: float
    total: float


def run_bertkit(folder: Path, seed: int) -> Measured:
    """Train by bertkit."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as work:
        run = finetune("sentiment", model="minilm", data=str(folder), overrides=_overrides(seed), output=f"{work}/run")
        total = time.perf_counter() - started
    seconds = training_seconds(run.info["training"]["history"])
    return Measured("bertkit", seed, run.info["scores"]["validation"]["accuracy"], seconds, total)


def run_plain(folder: Path, seed: int) -> Measured:
    """Train by a plain Trainer; bertkit's own preparation is not on its clock."""
    prepared = prepare(resolve(Request("sentiment", model="minilm", data=str(folder), overrides=_overrides(seed))))
    started = time.perf_counter()
    scores, seconds = train_plain(prepared, padding="max_length", select_best=False)
    total = time.perf_counter() - started
    return Measured("plain Trainer", seed, scores["accuracy"], seconds, total)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/sst2"), help="with train.tsv and dev.tsv")
    parser.add_argument("--seeds", type=int, default=1, help="number of seeds, from 1 up")
    parser.add_argument("--rows", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not (options.data / "train.tsv").is_file():
        print(f"skipped: {options.data} holds no train.tsv; give the folder of SST-2 with --data")
        return
    logging.getLogger("bertkit").setLevel(logging.ERROR)
    datasets.disable_progress_bars()
    with tempfile.TemporaryDirectory() as work:
        sizes = [_copy(options.data / name, Path(work) / name, options.rows) for name in ("train.tsv", "dev.tsv")]
        found: list[Measured] = []
        for seed in range(1, options.seeds + 1):
            for run in (run_bertkit, run_plain):
                found.append(run(Path(work), seed))
                print(*found[-1], flush=True)
    report(found, *sizes, keep=options.rows is None)


def report(found: list[Measured], rows: int, held: int, *, keep: bool) -> None:
    """Print the table; keep it in results.md unless it is of a trial on a few rows."""
    lines = [
        [one.system, str(one.seed), f"{one.accuracy:.4f}", f"{one.training:.1f}", f"{one.total:.1f}"] for one in found
    ]
    text = table(["system", "seed", "accuracy", "training, s", "total, s"], lines)
    ours, plain = (sum(one.training for one in found if one.system == system) for system in SYSTEMS)
    body = NOTE.format(environment=environment(), rows=rows, held=held, table=text, ratio=plain / ours)
    if keep:
        write_section("sst2", body)
    print(text, body.splitlines()[-1], sep="\n\n")


def _copy(source: Path, target: Path, rows: int | None) -> int:
    """Copy the first rows of a file, or all of them, and return their number."""
    lines = list(islice(source.read_bytes().split(b"\n"), rows))
    target.write_bytes(b"\n".join(lines))
    return sum(bool(line.strip()) for line in lines)


def _overrides(seed: int) -> list[str]:
    return [*OVERRIDES, f"train.seed={seed}"]


if __name__ == "__main__":
    main()
