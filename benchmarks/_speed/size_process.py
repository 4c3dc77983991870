"""One size of one kind of work, in a process of its own, so that its peak of memory is its own.

python -m _speed.size_process KIND SIZE THREADS DATA
"""

from __future__ import annotations

import json
import logging
import resource
import sys
import tempfile
from collections.abc import Callable, Iterable
from itertools import cycle, islice
from pathlib import Path

from _speed.setup import Setup, set_environment

# Of the rows of one length; the same number of tokens at every length.
TOKENS = 65_536
TRAINED_STEPS = 24
BATCH = 32
SPECIAL_TOKENS = 2
SEED = 1


def main(kind: str, size: int, threads: int, data: Path) -> None:
    """Print tokens, operations, seconds and the peak of memory in MiB."""
    set_environment(threads)
    logging.getLogger("bertkit").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as work:
        tokens, flop, seconds = KINDS[kind](Setup(data, threads, 1), size, Path(work))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts it in KiB, macOS in bytes.
    mebibytes = peak / (2**10 if sys.platform == "linux" else 2**20)
    print(json.dumps({"tokens": tokens, "flop": flop, "seconds": seconds, "mebibytes": mebibytes}))


def predict_rows(setup: Setup, size: int, work: Path) -> tuple[float, float, float]:
    """Answer so many short rows, from file to file."""
    return _predict(setup, _distinct(_short(setup.data), size), work)


def predict_tokens(setup: Setup, size: int, work: Path) -> tuple[float, float, float]:
    """Answer rows of so many tokens each, from file to file."""
    import random

    from _speed.checkpoints import minilm

    vocabulary = (minilm() / "vocab.txt").read_text(encoding="utf-8").split()
    words = [word for word in vocabulary if word.isascii() and word.isalpha()]
    generator = random.Random(SEED)
    rows = (" ".join(generator.choices(words, k=size - SPECIAL_TOKENS)) for _ in range(TOKENS // size))
    return _predict(setup, rows, work)


def train_rows(setup: Setup, size: int, work: Path) -> tuple[float, float, float]:
    """Train a few evenly spaced steps of an epoch of so many short rows."""
    import torch

    from _speed.checkpoints import minilm
    from _speed.encoder_side import SETTINGS, encoder_side
    from bertkit.engine.prepare import prepare
    from bertkit.engine.request import Request, resolve

    torch.set_num_threads(setup.threads)
    rows = (f"{text}\t{line % 2}" for line, text in enumerate(_distinct(_short(setup.data), size)))
    (work / "train.tsv").write_text("\n".join(rows), encoding="utf-8")
    settings = ['data.names=["sentence","label"]', f"train.batch_size={BATCH}", *SETTINGS]
    request = Request("sentiment", model=str(minilm()), data=str(work / "train.tsv"), overrides=settings)
    reading = encoder_side(setup, prepare(resolve(request)), TRAINED_STEPS)()
    return reading.amount, reading.flop, reading.seconds


def _predict(setup: Setup, rows: Iterable[str], work: Path) -> tuple[float, float, float]:
    """Return tokens, operations and seconds without what a table of one row costs: imports and weights."""
    from _speed import runs
    from _speed.arithmetic import forward_flop
    from bertkit import predict
    from bertkit.engine.predictor import load_run

    run = runs.sentiment(setup.data)
    one, full = work / "one.csv", work / "full.csv"
    one.write_text("sentence\nshort\n", encoding="utf-8")
    lengths = []
    encoder = load_run(run).encoder
    with full.open("w", encoding="utf-8") as stream:
        stream.write("sentence\n")
        for text in rows:
            stream.write(text.replace('"', "").replace(",", ";") + "\n")
            lengths.append(encoder.ids([text])[0].size + SPECIAL_TOKENS)
    seconds = []
    for path in (one, one, full):
        started = setup.clock()
        predict(path, work / "answers.csv", run=run, overwrite=True)
        seconds.append(setup.clock() - started)
    return sum(lengths), forward_flop(run, lengths), seconds[2] - seconds[1]


def _short(data: Path) -> list[str]:
    lines = (data / "sst2/train.tsv").read_text(encoding="utf-8").splitlines()
    return [line.rpartition("\t")[0] for line in lines]


def _distinct(texts: list[str], count: int) -> Iterable[str]:
    """Yield texts again and again, each with its number as last word, so that none is like another."""
    return (f"{text} {number}" for number, text in enumerate(islice(cycle(texts), count)))


KINDS: dict[str, Callable[[Setup, int, Path], tuple[float, float, float]]] = {
    "predict-rows": predict_rows,
    "predict-tokens": predict_tokens,
    "train-rows": train_rows,
}

if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
