"""What a user writes by hand to answer a table: read, pipeline, write.

python benchmarks/_speed/pipeline_script.py RUN INPUT.csv OUTPUT.csv
"""

from __future__ import annotations

import csv
import sys

from transformers import pipeline


def main(run: str, source: str, target: str) -> None:
    with open(source, encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    pipe = pipeline("text-classification", model=run, device="cpu", truncation=True)
    answers = pipe([row["sentence"] for row in rows])
    with open(target, "w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, [*rows[0], "label", "score"])
        writer.writeheader()
        writer.writerows({**row, **answer} for row, answer in zip(rows, answers, strict=True))


if __name__ == "__main__":
    main(*sys.argv[1:])
