"""Readers of CSV compared: what they make of hostile files, and how fast they read a large one.

python benchmarks/readers.py --python /tmp/readers/bin/python

DuckDB and Polars are not needed by bertkit: install them with pandas and pyarrow into a virtual environment elsewhere,
and name its interpreter. What it lacks is skipped, and said.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from _readers.corpus import BAD_LINE, Case, cases
from _results import FOLDER, environment, table, write_section

READERS = ("bertkit", "csv", "pyarrow", "duckdb", "polars", "pandas")
OURS = ("bertkit", "csv")
RIGHT, NO_LINE, REFUSED, CHANGED = "right", "no line", "refused", "changed"
NOTE = """## Readers of CSV

`python benchmarks/readers.py --python PYTHON` (with an interpreter that has the candidates): {environment}
Candidates: {versions}.

Every reader is told to take all columns as text, in the strictest way that it offers. "Right": exactly the cells that
were written, or an error that names the line ({bad} in files of one bad row). "No line": an error without it.
"Refused": an error about a valid file. "Changed": cells that were not written, or a broken file taken without a word.

{verdicts}

{counts}

A CSV of {size} ({rows:,} rows, some with quotes and line ends), from the disk cache to Python strings a row at a time,
each reader in a process of its own. Other work may share the machine, so readers are compared by the time that they
kept processors busy, all threads together.

{speed}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default=sys.executable, help="interpreter that has the candidates")
    parser.add_argument("--gigabytes", type=float, default=1.0, help="size of the large file; 0: none, and no report")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        small = Path(folder) / "small.csv"
        verdicts = {case.name: _verdicts(case, small, options.python) for case in cases()}
        readers = [name for name in READERS if all(found[name] for found in verdicts.values())]
        text, counts = _table_of(verdicts, readers), _counts(verdicts, readers)
        print(text, counts, sep="\n\n")
        if not options.gigabytes:
            return
        large = Path(folder) / "large.csv"
        size = _write_large(large, int(options.gigabytes * 1e9))
        found = {name: _run(name, large, "time", options.python) for name in readers}
    speed = _speed(found, size)
    print(speed)
    write_section(
        "readers",
        NOTE.format(
            environment=environment(),
            versions=_versions(options.python, readers),
            bad=BAD_LINE,
            verdicts=text,
            counts=counts,
            size=f"{size / 1e9:.2f} GB",
            rows=found["bertkit"]["rows"] - 1,
            speed=speed,
        ),
    )


def _verdicts(case: Case, path: Path, python: str) -> dict[str, str]:
    path.write_bytes(case.content)
    return {name: _verdict(case, _run(name, path, "cells", python)) for name in READERS}


def _run(name: str, path: Path, what: str, python: str) -> dict[str, Any]:
    interpreter = sys.executable if name in OURS else python
    command = [interpreter, str(FOLDER / "_readers/one.py"), name, str(path), what]
    places = os.pathsep.join([str(FOLDER.parent), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": places}, check=False
    )
    found = json.loads(done.stdout) if done.returncode == 0 else {"error": f"exit code {done.returncode}"}
    if "missing" in found:
        print(f"skipped: {found['missing']}")
    return dict(found)


def _verdict(case: Case, found: dict[str, Any]) -> str:
    if "missing" in found:
        return ""
    if "cells" in found:
        return RIGHT if found["cells"] == case.cells else CHANGED
    if case.cells is not None:
        return REFUSED
    named = not case.line or re.search(rf"(?<!\d){case.line}(?!\d)", found["error"])
    return RIGHT if named else NO_LINE


def _table_of(verdicts: dict[str, dict[str, str]], readers: list[str]) -> str:
    lines = [[name, *(found[reader] for reader in readers)] for name, found in verdicts.items()]
    return table(["file", *readers], lines)


def _counts(verdicts: dict[str, dict[str, str]], readers: list[str]) -> str:
    counted = {reader: Counter(found[reader] for found in verdicts.values()) for reader in readers}
    kinds = (RIGHT, NO_LINE, REFUSED, CHANGED)
    return table(["reader", *kinds], [[reader, *(str(counted[reader][kind]) for kind in kinds)] for reader in readers])


def _write_large(path: Path, size: int) -> int:
    chance = random.Random(7)
    words = ["lovely", "colour", "soft", "warm", "broke", "after", "days", "never", "again", "größer", "très", "良い"]
    lines = []
    for number in range(10_000):
        text = " ".join(chance.choices(words, k=chance.randint(5, 60)))
        kind = number % 20
        text = f'"{text}, he said"' if kind < 6 else f'"{text}\n""{text}"""' if kind == 6 else text
        lines.append(f"{number},{text},{number % 3}\n")
    block = "".join(lines).encode()
    with path.open("wb") as file:
        file.write(b"id,text,label\n")
        while file.tell() < size:
            file.write(block)
        return file.tell()


def _speed(found: dict[str, dict[str, Any]], size: int) -> str:
    plain = found["csv"]["busy"]
    lines = []
    for name, one in found.items():
        if "error" in one:
            lines.append([name, "failed", "", "", ""])
            continue
        rates = [f"{size / one[clock] / 1e6:.0f}" for clock in ("seconds", "busy")]
        lines.append([name, *rates, f"{plain / one['busy']:.2f}", f"{one['mebibytes']:.0f}"])
    return table(["reader", "MB a second", "MB a CPU second", "times the csv module", "peak, MiB"], lines)


def _versions(python: str, readers: list[str]) -> str:
    names = [name for name in readers if name not in OURS]
    code = f"from importlib.metadata import version; print(', '.join(f'{{n}} {{version(n)}}' for n in {names}))"
    return subprocess.run([python, "-c", code], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    main()
