"""A hundred rows from file to file in a new process: a script with a pipeline beside `bertkit predict`."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from _results import CACHE, FOLDER

from _speed import row_sets, runs
from _speed.setup import Goal, Reading, Setup, Side, Work

ROWS = 100
OURS, THEIRS = "bertkit predict", "pipeline script"


def work() -> Work:
    """Return the work."""
    files = ("sst2/train.tsv", "sst2/test.tsv")
    return Work(f"{ROWS} rows, cold start to written CSV", "rows", [Goal(OURS, THEIRS, 8.0)], _open, files, exact=OURS)


def _open(setup: Setup) -> Mapping[str, Side]:
    run, source, target = runs.sentiment(setup.data), CACHE / "start.csv", CACHE / "start.answers.csv"
    with source.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["sentence"])
        writer.writerows([text] for text in row_sets.short(setup.data, ROWS))
    files = [str(source), str(target)]
    commands = {
        THEIRS: ["_speed/pipeline_script.py", str(run), *files],
        OURS: ["-m", "bertkit", "predict", files[0], "--run", str(run), "-o", files[1], "--overwrite"],
    }
    return {name: _process(setup, command, target) for name, command in commands.items()}


def _process(setup: Setup, command: list[str], target: Path) -> Side:
    def answer() -> Reading:
        started = setup.clock_of_children()
        subprocess.run([sys.executable, *command], cwd=FOLDER, capture_output=True, check=True)
        seconds = setup.clock_of_children() - started
        with target.open(encoding="utf-8", newline="") as stream:
            answers = [row.get("answer") or row["label"] for row in csv.DictReader(stream)]
        return Reading(ROWS, seconds, answers=answers)

    return answer
