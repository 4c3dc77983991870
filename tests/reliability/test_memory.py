"""Rows that were answered leave nothing behind in memory."""

import csv
import os
import subprocess
import sys

import pytest

from tests.command_line import environment
from tests.reliability.sizes import SOAK

pytest_plugins = ("tests.fixtures",)
pytestmark = [pytest.mark.soak, pytest.mark.skipif(not SOAK, reason="it answers two million rows: make soak")]
FEW, MANY = 100_000, 2_000_000
GROWTH = 1.1


def peak(run, folder, rows):
    """Return the largest resident memory of a prediction, in KiB."""
    path = folder / f"{rows}.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["id", "text"])
        writer.writerows([row, f"a great day number {row % 1_000} of {row % 7}"] for row in range(rows))
    command = [sys.executable, "-m", "bertkit", "predict", path, "--run", run, "--quiet"]
    process = subprocess.Popen(list(map(str, command)), env=environment(), stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    return usage.ru_maxrss


def test_memory_of_predict_does_not_grow_with_the_rows(finished, tmp_path):
    few, many = (peak(finished, tmp_path, rows) for rows in (FEW, MANY))
    assert many <= GROWTH * few, f"{few:,} KiB for {FEW:,} rows, {many:,} KiB for {MANY:,}"
