"""How long bertkit takes to answer when there is nothing to compute: help and mistakes.

python benchmarks/start.py
"""

from __future__ import annotations

import subprocess
import sys
import time
from statistics import median

from _results import environment, table, write_section

RUNS = 7
CASES = {
    "--help": (["--help"], 0.25),
    "a wrong flag": (["finetune", "sentiment", "--modle", "minilm"], 1.0),
    "a wrong task": (["finetune", "sentimnt"], 1.0),
    "a wrong key": (["finetune", "sentiment", "--set", "train.epoch=3"], 1.0),
    "a missing file": (["finetune", "--data", "nowhere.csv"], 1.0),
}
NOTE = """## Start

`python benchmarks/start.py`: {environment}

Whole processes, median of {runs} runs each, interleaved.

{table}"""


def main() -> None:
    seconds: dict[str, list[float]] = {name: [] for name in CASES}
    for _ in range(RUNS):
        for name, (arguments, _) in CASES.items():
            started = time.perf_counter()
            subprocess.run([sys.executable, "-m", "bertkit", *arguments], capture_output=True, check=False)
            seconds[name].append(time.perf_counter() - started)
    lines = [[name, f"{median(seconds[name]):.2f}", f"{goal:.2f}"] for name, (_, goal) in CASES.items()]
    text = table(["bertkit is given", "seconds", "goal, below"], lines)
    write_section("start", NOTE.format(environment=environment(), runs=RUNS, table=text))
    print(text)


if __name__ == "__main__":
    main()
