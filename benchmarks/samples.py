"""Quality on the samples of the built-in tasks, beside a plain Trainer and a classical model.

python benchmarks/samples.py
"""

from __future__ import annotations

import argparse
import logging
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import mean, stdev

import _tfidf
import datasets
import numpy as np
from _plain_trainer import train as train_plain
from _results import CACHE, Log, table, write_section
from _run import Outcome, training_seconds
from _scores import METRICS

from bertkit import finetune
from bertkit.engine.prepare import Prepared, prepare
from bertkit.engine.request import Request, resolve

TASKS = {
    "spam": "single",
    "sentiment": "single",
    "intent": "single",
    "emotions": "multi",
    "similarity": "number",
}
# Fewer passes than "auto" would take, so that all of it is done in an hour on two cores; the same in both trainings.
EPOCHS = {"spam": 2, "sentiment": 3, "intent": 5, "emotions": 4, "similarity": 3}
SEEDS = (1, 2, 3)
# What is compared is training: the threshold of two classes stays at 0.5, those of several labels are tuned for all.
THRESHOLDS = {"single": "off", "multi": "auto", "number": "off"}
NOTE = """## Samples of the built-in tasks

`python benchmarks/samples.py`: {environment}

Checkpoint minilm, scores on the validation rows, mean ± sample standard deviation over the seeds {seeds}.
Both trainings use the same rows, hyperparameters (those of bertkit's recipe; epochs: {epochs}), early stopping and
choice of the best epoch. Thresholds stay at 0.5; for emotions all three tune theirs on the
validation rows. The classical model is
TF-IDF of words and word pairs with logistic regression (one per label for emotions; ridge regression on
shared and unshared words for similarity), regularised by cross-validation on the training rows; it has no
seed. Verdict: yes if bertkit's mean is at least the plain Trainer's mean less the pooled standard deviation.

{table}"""


def run_bertkit(task: str, seed: int) -> Outcome:
    """Train by bertkit and keep nothing but the scores."""
    with tempfile.TemporaryDirectory() as folder:
        run = finetune(task, model="minilm", data="sample", overrides=_overrides(task, seed), output=f"{folder}/run")
    return Outcome(run.info["scores"]["validation"], training_seconds(run.info["training"]["history"]))


def run_plain(task: str, seed: int) -> Outcome:
    """Train by a plain Trainer with padding by batch."""
    return train_plain(_prepared(task, seed), padding="longest", select_best=True)


def run_tfidf(task: str, seed: int) -> Outcome:
    """Fit the classical model."""
    return Outcome(_tfidf.train(_prepared(task, seed)), 0.0)


SYSTEMS: dict[str, Callable[[str, int], Outcome]] = {
    "bertkit": run_bertkit,
    "plain Trainer": run_plain,
    "TF-IDF": run_tfidf,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=CACHE / "samples.jsonl", help="what is finished, to continue")
    parser.add_argument("--fresh", action="store_true", help="forget what is finished")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS), help="without a report if not all")
    options = parser.parse_args()
    logging.getLogger("bertkit").setLevel(logging.ERROR)
    datasets.disable_progress_bars()
    log = Log(options.out, options.fresh)
    for seed in SEEDS:
        for task in options.tasks:
            for system in SYSTEMS:
                if seed == SEEDS[0] or system != "TF-IDF":
                    measure(log, task, seed, system)
    if set(options.tasks) == set(TASKS):
        report(log)


def measure(log: Log, task: str, seed: int, system: str) -> None:
    """Do one training unless it is done already."""
    if log.matching(task=task, seed=seed, system=system):
        return
    outcome = SYSTEMS[system](task, seed)
    scores = {metric: outcome.scores[metric] for metric in METRICS[TASKS[task]]}
    log.add(task=task, seed=seed, system=system, scores=scores, seconds=outcome.seconds)
    print(f"{task:12}seed {seed}  {system:15}", *(f"{name} {value:.4f}" for name, value in scores.items()), flush=True)


def report(log: Log) -> None:
    """Print the table and write it into results.md."""
    lines = [_line(log, task, metric) for task, kind in TASKS.items() for metric in METRICS[kind]]
    header = ["task", "metric", *reversed(SYSTEMS), "difference to plain", "bertkit holds up"]
    text = table(header, lines)
    environment = log.records[-1]["environment"]
    epochs = ", ".join(f"{task} {count}" for task, count in EPOCHS.items())
    seeds = ", ".join(map(str, SEEDS))
    write_section("samples", NOTE.format(environment=environment, epochs=epochs, seeds=seeds, table=text))
    print(text)


def _line(log: Log, task: str, metric: str) -> list[str]:
    values = {
        system: [record["scores"][metric] for record in log.matching(task=task, system=system)]
        for system in reversed(SYSTEMS)
    }
    ours, plain = values["bertkit"], values["plain Trainer"]
    difference = mean(ours) - mean(plain)
    pooled = float(np.hypot(stdev(ours), stdev(plain)) / np.sqrt(2))
    verdict = "yes" if difference >= -pooled else "NO"
    return [task, metric, *map(_cell, values.values()), f"{difference:+.4f}", verdict]


def _cell(values: list[float]) -> str:
    return f"{mean(values):.4f}" + (f" ± {stdev(values):.4f}" if len(values) > 1 else "")


def _overrides(task: str, seed: int) -> list[str]:
    return [f"adapter.threshold={THRESHOLDS[TASKS[task]]}", f"train.epochs={EPOCHS[task]}", f"train.seed={seed}"]


def _prepared(task: str, seed: int) -> Prepared:
    return prepare(resolve(Request(task, model="minilm", data="sample", overrides=_overrides(task, seed))))


if __name__ == "__main__":
    main()
