"""The same training from several seeds: how much of a score is luck."""

from __future__ import annotations

import logging
import os
import shutil
from dataclasses import replace
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from bertkit.engine import run
from bertkit.engine.finetune import finetune_request
from bertkit.engine.progress import Progress, silent
from bertkit.engine.request import Request, resolve
from bertkit.engine.run import Run
from bertkit.errors import UsageError

log = logging.getLogger("bertkit")


def finetune_seeds(
    request: Request,
    seeds: int,
    *,
    output: str | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> Run:
    """Train from consecutive seeds; the held-out rows stay the same.

    Args:
        request: What to train; its seed is the first one.
        seeds: How often.
        output: Folder of the best run; the single runs lie below it in seeds/.
        overwrite: Replace an existing run in output.
        progress: Told what is going on.

    Returns:
        The run with the best validation score, with the mean and spread over seeds in its info.

    Raises:
        UsageError: Less than two seeds are asked for.
    """
    if seeds < 2:
        raise UsageError(f"--seeds {seeds}: a spread needs at least two", "--seeds 3")
    folder = run.new_folder(request.label, output, overwrite)
    first = resolve(request).recipe.train.seed
    work = run.work_folder(folder)
    runs: list[Run] = []
    try:
        for seed in range(first, first + seeds):
            log.info("Seed %d (%d of %d)", seed, seed - first + 1, seeds)
            seeded = replace(request, overrides=[*request.overrides, f"train.seed={seed}"])
            runs.append(finetune_request(seeded, output=str(work / run.SEEDS / str(seed)), progress=progress))
    except BaseException:
        if not any(work.glob(f"{run.SEEDS}/*")):
            shutil.rmtree(work, ignore_errors=True)
        raise
    best = _best(runs)
    summary = summarise(runs)
    for collapsed in summary["collapsed"]:
        log.warning("Seed %s collapsed: it gives every validation row the same answer.", collapsed)
    _copy(best.folder, work)
    run.save(work, {**best.info, "seeds": summary})
    return run.replace_by(folder, work)


def summarise(runs: list[Run]) -> dict[str, Any]:
    """Return mean, standard deviation, lowest and highest value of each validation metric, and collapsed seeds."""
    scores = [one.info["scores"]["validation"] for one in runs]
    table = []
    for name in scores[0]:
        values = [score[name] for score in scores]
        table.append([name, mean(values), stdev(values), min(values), max(values)])
    names = [one.folder.name for one in runs]
    collapsed = [name for name, one in zip(names, runs, strict=True) if one.info["training"]["collapsed"]]
    return {"names": names, "scores": table, "collapsed": collapsed}


def _best(runs: list[Run]) -> Run:
    metric = runs[0].info["training"]["metric"]
    sign = -1 if metric.endswith("_error") else 1
    return max(runs, key=lambda one: float(sign * one.info["scores"]["validation"][metric]))


def _copy(source: Path, target: Path) -> None:
    for path in source.iterdir():
        try:
            os.link(path, target / path.name)
        except OSError:
            shutil.copy2(path, target / path.name)
