"""What more rows and longer rows cost: time a token and the peak of memory, each size in a process of its own.

python benchmarks/size.py
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from _results import CACHE, FOLDER, Log, table, write_section
from _speed.setup import Setup

SIZES = {
    "predict-rows": (1_000, 10_000, 100_000),
    "predict-tokens": (16, 32, 64, 128, 256, 512),
    "train-rows": (1_000, 5_000, 20_000, 50_000),
}
TITLES = {
    "predict-rows": "predict, short rows, so many",
    "predict-tokens": "predict, rows of so many tokens",
    "train-rows": "train, short rows, so many",
}
TINY = {"predict-rows": (100, 200), "predict-tokens": (256, 512), "train-rows": (1_000,)}
FLAT = 0.1
HEADER = ["work", "size", "µs a token", "ns a MFLOP", "peak, MiB", "not flat"]
NOTE = """## Cost against size

`python benchmarks/size.py`: {environment}

{clock}, minilm, each size in a process of its own; number of rounds: {rounds}, of which medians are shown.
Prediction: `predict` from CSV to CSV with the backend that it chooses, less what a table of one row takes; as many
tokens in all at every length of row. Training: 24 steps of 32 rows, evenly spaced by the tokens they hold. Attention
makes a token of a long text cost more arithmetic, by 22 % at 512 tokens; "ns a MFLOP" allows for it. "Not flat": more
than {flat:.0%} from the median of its column in this work.

{table}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=SIZES, default=list(SIZES), help="without a report if not all")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="by default all cores")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the data sets")
    parser.add_argument("--out", type=Path, default=CACHE / "size.jsonl", help="what is finished, to continue")
    parser.add_argument("--fresh", action="store_true", help="forget what is finished")
    parser.add_argument("--tiny", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not (options.data / "sst2/train.tsv").is_file():
        print(f"skipped: {options.data} holds no sst2/train.tsv; give the folder of the data sets with --data")
        return
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    log = Log(CACHE / "size.tiny.jsonl" if options.tiny else options.out, options.fresh or options.tiny)
    sizes = TINY if options.tiny else SIZES
    for turn in range(options.rounds):
        for kind in options.only:
            for size in sizes[kind]:
                _measure(log, options.data.resolve(), kind=kind, size=size, threads=options.threads, round=turn)
    lines = [line for kind in options.only for line in _lines(log, kind, sizes[kind], options.threads)]
    text = table(HEADER, lines)
    if not options.tiny and set(options.only) == set(SIZES):
        clock = Setup(options.data, options.threads, options.rounds).clock_name
        facts = {
            "environment": log.records[-1]["environment"],
            "clock": clock,
            "rounds": 1 + max(record["round"] for record in log.records),
        }
        write_section("size", NOTE.format(**facts, flat=FLAT, table=text))
    print(text)


def _measure(log: Log, data: Path, **key: Any) -> None:
    if log.matching(**key):
        return
    command = [
        sys.executable,
        "-m",
        "_speed.size_process",
        key["kind"],
        str(key["size"]),
        str(key["threads"]),
        str(data),
    ]
    done = subprocess.run(command, cwd=FOLDER, stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    log.add(**key, **found)
    print(*key.values(), f"{found['seconds'] / found['tokens'] * 1e6:.1f} µs a token", flush=True)


def _lines(log: Log, kind: str, sizes: Sequence[int], threads: int) -> list[list[str]]:
    columns = []
    for size in sizes:
        found = log.matching(kind=kind, size=size, threads=threads)
        columns.append([
            median(one["seconds"] / one["tokens"] * 1e6 for one in found),
            median(one["seconds"] / one["flop"] * 1e15 for one in found),
            median(one["mebibytes"] for one in found),
        ])  # fmt: skip
    middle = [median(values) for values in zip(*columns, strict=True)]
    lines = []
    for size, values in zip(sizes, columns, strict=True):
        far = [
            name for name, one, usual in zip(HEADER[2:5], values, middle, strict=True) if abs(one / usual - 1) > FLAT
        ]
        lines.append([TITLES[kind], f"{size:,}", *(f"{value:.1f}" for value in values), ", ".join(far)])
    return lines


if __name__ == "__main__":
    main()
