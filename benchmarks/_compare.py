"""Two systems on the same task over several seeds: measured once each, and put side by side."""

from __future__ import annotations

from collections.abc import Callable
from statistics import mean, stdev

import numpy as np
from _results import Log
from _run import Outcome

OURS, THEIRS = "bertkit", "example script"
System = Callable[[str, int], Outcome]
HEADER = ["task", "metric", THEIRS, OURS, "difference", "at least equal"]


def measure(log: Log, task: str, seed: int, name: str, system: System) -> None:
    """Do one training unless it is done already.

    Args:
        log: Of what is done.
        task: A built-in task.
        seed: Of the training.
        name: Of the system.
        system: The system.
    """
    if log.matching(task=task, seed=seed, system=name):
        return
    outcome = system(task, seed)
    log.add(task=task, seed=seed, system=name, scores=outcome.scores, seconds=outcome.seconds)
    shown = (f"{metric} {value:.4f}" for metric, value in outcome.scores.items())
    print(f"{task:8}seed {seed}  {name:15}", *shown, f"{outcome.seconds:.0f} s", flush=True)


def lines(log: Log, task: str, metrics: tuple[str, ...]) -> list[list[str]]:
    """Return one line of a table a metric: mean and standard deviation of both systems.

    "At least equal" is what the seeds can tell: not below by more than their pooled standard deviation.
    """
    return [_line(log, task, metric) for metric in metrics]


def _line(log: Log, task: str, metric: str) -> list[str]:
    theirs, ours = (
        [record["scores"][metric] for record in log.matching(task=task, system=system)] for system in (THEIRS, OURS)
    )
    pooled = float(np.hypot(stdev(ours), stdev(theirs)) / np.sqrt(2))
    difference = mean(ours) - mean(theirs)
    verdict = "yes" if difference >= 0 else "within the spread of seeds" if difference >= -pooled else "NO"
    shown = [f"{mean(values):.4f} ± {stdev(values):.4f}" for values in (theirs, ours)]
    return [task, metric, *shown, f"{difference:+.4f}", verdict]
