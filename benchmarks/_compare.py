"""Two systems on the same task over several seeds: measured once each, and put side by side."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import datasets
import numpy as np
from _results import Log, table, write_section
from _run import Outcome

OURS, THEIRS = "bertkit", "example script"
System = Callable[[str, int], Outcome]
HEADER = ["task", "metric", THEIRS, OURS, "difference", "at least equal"]


def compare(path: Path, tasks: Sequence[str], seeds: Sequence[int], ours: System, theirs: System) -> Log:
    """Train by both systems, unless it is done already, and return the log of all that is done.

    Args:
        path: Of the log.
        tasks: Built-in tasks.
        seeds: Of the trainings.
        ours: Trains by bertkit.
        theirs: Trains by the example script's procedure.
    """
    logging.getLogger("bertkit").setLevel(logging.ERROR)
    datasets.disable_progress_bars()
    log = Log(path, fresh=False)
    for seed, task, (name, system) in product(seeds, tasks, ((OURS, ours), (THEIRS, theirs))):
        if log.matching(task=task, seed=seed, system=name):
            continue
        outcome = system(task, seed)
        log.add(task=task, seed=seed, system=name, scores=outcome.scores, seconds=outcome.seconds)
        shown = (f"{metric} {value:.4f}" for metric, value in outcome.scores.items())
        print(f"{task:8}seed {seed}  {name:15}", *shown, f"{outcome.seconds:.0f} s", flush=True)
    return log


def report(
    name: str, note: str, log: Log, metrics: Mapping[str, Sequence[str]], seeds: Sequence[int], **facts: Any
) -> None:
    """Print one line of a table a metric, mean and standard deviation of both systems, and keep it in results.md.

    "At least equal" is what the seeds can tell: not below by more than their pooled standard deviation.

    Args:
        name: Of the script.
        note: The section with places for environment, seeds, table and facts.
        log: Of what is done.
        metrics: Task to metrics.
        seeds: Of the trainings.
        facts: What else the note names.
    """
    text = table(HEADER, [_line(log, task, metric) for task, own in metrics.items() for metric in own])
    environment, listed = log.records[-1]["environment"], ", ".join(map(str, seeds))
    write_section(name, note.format(environment=environment, seeds=listed, table=text, **facts))
    print(text)


def _line(log: Log, task: str, metric: str) -> list[str]:
    theirs, ours = (
        [record["scores"][metric] for record in log.matching(task=task, system=system)] for system in (THEIRS, OURS)
    )
    pooled = float(np.hypot(stdev(ours), stdev(theirs)) / np.sqrt(2))
    difference = mean(ours) - mean(theirs)
    verdict = "yes" if difference >= 0 else "within the spread of seeds" if difference >= -pooled else "NO"
    shown = [f"{mean(values):.4f} ± {stdev(values):.4f}" for values in (theirs, ours)]
    return [task, metric, *shown, f"{difference:+.4f}", verdict]
