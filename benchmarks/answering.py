"""Questions of SQuAD, trained on most articles and tested on the rest, beside transformers' example script.

python benchmarks/answering.py
"""

from __future__ import annotations

import argparse
import json
import tempfile
from functools import partial
from pathlib import Path

import _run_qa
from _compare import compare, report
from _results import CACHE
from _run import Outcome, training_seconds

from bertkit import evaluate, finetune
from bertkit.engine import load
from bertkit.engine.prepare import prepare
from bertkit.engine.request import Request, resolve

METRICS = ("exact_match", "f1")
SEEDS = (1, 2, 3)
EPOCHS = 1
# Every fourth article is for testing, and one more for the validation rows that bertkit asks for.
TESTED = 4
NOTE = """## Questions

`python benchmarks/answering.py`: {environment}

Checkpoint minilm, one epoch, the hyperparameters of bertkit's recipe `qa` for both, scores
on the test rows, mean ± sample standard deviation over the seeds {seeds}. The answerable questions of half of the
SQuAD 2.0 dev set: {train} of {articles} articles for training, {test} of the other articles for the test. The
example script takes the first answer of each question, trains windows without the answer as "no answer", and finds
the best span by its loops over the 20 best starts and ends.

{table}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/squad_v2_cs224n/dev-v2.0.json"))
    parser.add_argument("--out", type=Path, default=CACHE / "answering.jsonl", help="what is finished, to continue")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS, help="without a report if not all")
    options = parser.parse_args()
    if not options.data.is_file():
        print(f"skipped: there is no file {options.data}; give one in the form of SQuAD with --data")
        return
    with tempfile.TemporaryDirectory() as folder:
        sizes = divide(options.data, Path(folder))
        ours, theirs = partial(run_bertkit, Path(folder)), partial(run_example_script, Path(folder))
        log = compare(options.out, ["qa"], options.seeds, ours, theirs)
    if set(options.seeds) >= set(SEEDS):
        report("answering", NOTE, log, {"qa": METRICS}, SEEDS, **sizes)


def divide(source: Path, folder: Path) -> dict[str, int]:
    """Write train.json, validation.json and test.json of the answerable questions, by article; return their sizes."""
    articles = json.loads(source.read_text(encoding="utf-8"))["data"]
    for article in articles:
        for paragraph in article["paragraphs"]:
            paragraph["qas"] = [question for question in paragraph["qas"] if question["answers"]]
    parts = {
        "test": articles[TESTED - 1 :: TESTED],
        "validation": articles[:1],
        "train": [article for index, article in enumerate(articles[1:], 2) if index % TESTED],
    }
    for split, part in parts.items():
        (folder / f"{split}.json").write_text(json.dumps({"version": "1.1", "data": part}), encoding="utf-8")
    questions = {
        split: sum(len(paragraph["qas"]) for article in part for paragraph in article["paragraphs"])
        for split, part in parts.items()
    }
    return questions | {"articles": len(parts["train"])}


def run_bertkit(folder: Path, task: str, seed: int) -> Outcome:
    """Train by bertkit and score the test rows."""
    with tempfile.TemporaryDirectory() as work:
        run = finetune(task, model="minilm", data=str(folder), overrides=_overrides(seed), output=f"{work}/run")
        scores = evaluate(run.folder, data=str(folder / "test.json")).scores
    seconds = training_seconds(run.info["training"]["history"])
    return Outcome({metric: scores[metric] for metric in METRICS}, seconds)


def run_example_script(folder: Path, task: str, seed: int) -> Outcome:
    """Train by the example script's procedure on the same rows."""
    prepared = prepare(resolve(Request(task, model="minilm", data=str(folder), overrides=_overrides(seed))))
    return _run_qa.train(prepared, load.split(prepared.recipe, "test", prepared.adapter).rows)


def _overrides(seed: int) -> list[str]:
    return [f"train.epochs={EPOCHS}", f"train.seed={seed}", "train.patience=0"]


if __name__ == "__main__":
    main()
