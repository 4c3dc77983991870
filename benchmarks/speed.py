"""Speed of bertkit beside the example scripts and pipelines of transformers, by turns in one process.

python benchmarks/speed.py
python benchmarks/speed.py --only predict-short tokenizing --rounds 9
"""

from __future__ import annotations

import argparse
import logging
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from _results import CACHE, Log
from _speed.setup import Setup, Work, set_environment


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", metavar="NAME", help="measure these, again if they are finished")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="of both sides, by default all cores")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the data sets")
    parser.add_argument("--out", type=Path, default=CACHE / "speed.jsonl", help="what is finished, to continue")
    parser.add_argument("--fresh", action="store_true", help="forget what is finished, and the runs")
    parser.add_argument("--tiny", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    # Before torch, numpy and tokenizers are loaded.
    set_environment(options.threads)
    works = _works(options.threads)
    if unknown := set(options.only or ()) - works.keys():
        parser.error(f"--only {min(unknown)}: choose from {', '.join(works)}")
    setup = Setup(options.data.resolve(), options.threads, options.rounds, options.tiny)
    if options.fresh:
        for run in CACHE.glob("run-*"):
            shutil.rmtree(run)
    log = Log(CACHE / "speed.tiny.jsonl" if options.tiny else options.out, options.fresh or options.tiny)
    names = options.only or [name for name in works if not log.matching(work=name, threads=options.threads)]
    _measure_all({name: works[name] for name in names}, setup, log)
    records = {record["work"]: record for record in log.matching(threads=options.threads)}
    if records:
        from _speed.report import report

        report(works, records, setup, keep=not options.tiny)


def _works(threads: int) -> dict[str, Work]:
    import datasets
    import torch
    import transformers
    from _speed.works import WORKS

    torch.set_num_threads(threads)
    datasets.disable_progress_bars()
    datasets.disable_caching()
    transformers.logging.set_verbosity_error()
    logging.getLogger("bertkit").setLevel(logging.ERROR)
    return WORKS


def _measure_all(works: dict[str, Work], setup: Setup, log: Log) -> None:
    from _speed.measure import measure

    for name, work in works.items():
        if missing := _missing(setup.data, work.needs):
            print(f"{name} skipped: there is no {missing}; give the folder of the data sets with --data")
            continue
        found = measure(work, setup)
        log.add(work=name, threads=setup.threads, rounds=setup.rounds, **found)
        medians = {side: sorted(rates)[len(rates) // 2] for side, rates in found["rates"].items()}
        print(f"{name}:", *(f"{side} {rate:.1f}" for side, rate in medians.items()), sep="  ", flush=True)


def _missing(data: Path, needs: Sequence[str]) -> Path | None:
    return next((data / name for name in needs if not (data / name).exists()), None)


if __name__ == "__main__":
    main()
