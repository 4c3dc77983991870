"""The same training from several seeds: how much of a score is luck."""

from __future__ import annotations

import logging
import math
import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from bertkit.data.metrics import smaller_is_better
from bertkit.engine import device, layers, processes, run, storage
from bertkit.engine.job import Job
from bertkit.engine.progress import Progress
from bertkit.engine.run import Run
from bertkit.engine.train import train
from bertkit.errors import Interrupted

log = logging.getLogger("bertkit")


def train_seeds(job: Job, seeds: Sequence[int], progress: Progress) -> Run:
    """Train once a seed, on the same rows; seeds that an earlier attempt finished are not trained again.

    Args:
        job: What to train; the single runs lie in seeds/ below its folder.
        seeds: At least two.
        progress: Told what is going on.

    Returns:
        The run with the best validation score, with the mean and spread over seeds in its info.
    """
    job = replace(job, linear=job.linear or layers.fastest_linear(device.choose()))
    began = (job.work / run.STATE_FILE).exists()
    processes.wait()
    if processes.is_main():
        job.write(seeds=list(seeds))
    processes.wait()
    try:
        runs = [_train_one(job, seed, f"{count} of {len(seeds)}", progress) for count, seed in enumerate(seeds, 1)]
    except BaseException:
        if processes.is_main() and not began and not any(job.work.glob(f"{run.SEEDS}/*")):
            shutil.rmtree(job.work, ignore_errors=True)
        raise
    best = _best(runs)
    summary = summarise(runs)
    for collapsed in summary["collapsed"]:
        log.warning("Seed %s collapsed: it gives every validation row the same answer.", collapsed)
    if processes.is_main():
        info = {key: value for key, value in best.info.items() if key not in {"created", "backends"}}
        hint = f"free some space, then {run.resume_command(job.work)}"
        with storage.write_errors(job.work, storage.size(best.folder), hint):
            _copy(best.folder, job.work)
            run.save(job.work, {**info, "seeds": summary})
            run.complete(job.folder, job.work)
    processes.wait()
    return run.load(job.folder)


def summarise(runs: list[Run]) -> dict[str, Any]:
    """Return mean, standard deviation, lowest and highest value of each validation metric, and collapsed seeds."""
    scores = [one.info["scores"]["validation"] for one in runs]
    table = []
    for name in scores[0]:
        values = [score.get(name) for score in scores]
        # A metric may be undefined on the rows there are, such as the area under a curve of one class.
        if not all(isinstance(value, float) and math.isfinite(value) for value in values):
            continue
        table.append([name, mean(values), stdev(values), min(values), max(values)])
    names = [one.folder.name for one in runs]
    collapsed = [name for name, one in zip(names, runs, strict=True) if one.info["training"]["collapsed"]]
    return {"names": names, "scores": table, "collapsed": collapsed}


def _train_one(job: Job, seed: int, count: str, progress: Progress) -> Run:
    folder = job.work / run.SEEDS / str(seed)
    if processes.agree(partial(run.is_whole, folder)):
        if processes.is_main():
            run.complete(folder, folder)
        processes.wait()
        return run.load(folder)
    log.info("Seed %d (%s)", seed, count)
    try:
        return train(replace(job, prepared=job.prepared.with_seed(seed), folder=folder, work=folder), progress)
    except Interrupted as error:
        raise Interrupted(error.message, run.resume_command(job.work), error.exit_code - 128) from error


def _best(runs: list[Run]) -> Run:
    metric = runs[0].info["training"]["metric"]
    sign = -1 if smaller_is_better(metric) else 1
    return max(runs, key=lambda one: float(sign * one.info["scores"]["validation"][metric]))


def _copy(source: Path, target: Path) -> None:
    """Copy the files of a run but for what `run.save` writes; its graphs, in a folder of their own, are made anew."""
    for path in filter(Path.is_file, source.iterdir()):
        if path.name in run.OWN_FILES:
            continue
        # An attempt that was stopped may have linked it already.
        (target / path.name).unlink(missing_ok=True)
        try:
            os.link(path, target / path.name)
        except OSError:
            shutil.copy2(path, target / path.name)
