"""Named entities of WNUT-17 and parts of speech of UD English EWT, beside transformers' example script.

python benchmarks/tagging.py
"""

from __future__ import annotations

import argparse
import tempfile
from functools import partial
from pathlib import Path

import _run_ner
from _compare import compare, report
from _results import CACHE
from _run import Outcome, training_seconds

from bertkit import evaluate, finetune
from bertkit.engine import load
from bertkit.engine.prepare import prepare
from bertkit.engine.request import Request, resolve

FILES = {
    "ner": ("wnut17/wnut17train.conll", "wnut17/emerging.dev.conll", "wnut17/emerging.test.annotated"),
    "pos": (
        "ud_english_ewt/en_ewt-ud-train.every3rd-doc.conllu",
        "ud_english_ewt/en_ewt-ud-dev.conllu",
        "ud_english_ewt/en_ewt-ud-test.conllu",
    ),
}
FORMATS = {"ner": "conll", "pos": "conllu"}
METRICS = {"ner": ("f1", "accuracy"), "pos": ("accuracy",)}
# What three seeds of pos left open, two more should decide.
SEEDS = {"ner": (1, 2, 3), "pos": (1, 2, 3, 4, 5)}
EPOCHS = 2
NOTE = """## Words: entities and parts of speech

`python benchmarks/tagging.py`: {environment}

Checkpoint minilm, {epochs} epochs, the hyperparameters of bertkit's recipes for both, the best epoch by the
validation rows, scores on the test rows, mean ± sample standard deviation over the seeds. `ner`: WNUT-17, 3,394 /
1,009 / 1,287 sentences, seeds 1 to 3; `pos`: every third document of the training part of UD English EWT, 4,276 /
2,001 / 2,077 sentences, seeds 1 to 5. The example script labels the first piece of each word, cuts long sentences,
decodes by argmax, and is scored by seqeval and scikit-learn on the words it saw; bertkit is scored on all words.

{table}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the data sets")
    parser.add_argument("--out", type=Path, default=CACHE / "tagging.jsonl", help="what is finished, to continue")
    parser.add_argument("--tasks", nargs="+", choices=FILES, default=list(FILES), help="without a report if not all")
    options = parser.parse_args()
    if not options.data.is_dir():
        print(f"skipped: there is no folder {options.data}; give the folder of the data sets with --data")
        return
    ours, theirs = partial(run_bertkit, options.data), partial(run_example_script, options.data)
    for task in options.tasks:
        log = compare(options.out, [task], SEEDS[task], ours, theirs)
    if set(options.tasks) == set(FILES):
        report("tagging", NOTE, log, METRICS, (), epochs=EPOCHS)


def run_bertkit(data: Path, task: str, seed: int) -> Outcome:
    """Train by bertkit and score the test rows."""
    request = _request(data, task, seed)
    with tempfile.TemporaryDirectory() as folder:
        run = finetune(
            request.task,
            model=request.model,
            data=request.data,
            validation=request.validation,
            test=request.test,
            overrides=request.overrides,
            output=f"{folder}/run",
        )
        scores = evaluate(run.folder).scores
    seconds = training_seconds(run.info["training"]["history"])
    return Outcome({metric: scores[metric] for metric in METRICS[task]}, seconds)


def run_example_script(data: Path, task: str, seed: int) -> Outcome:
    """Train by the example script's procedure on the same rows."""
    prepared = prepare(resolve(_request(data, task, seed)))
    return _run_ner.train(prepared, load.split(prepared.recipe, "test", prepared.adapter).rows)


def _request(data: Path, task: str, seed: int) -> Request:
    train, validation, test = (str(data / file) for file in FILES[task])
    overrides = [f"train.epochs={EPOCHS}", f"train.seed={seed}", f"data.format={FORMATS[task]}", "train.patience=0"]
    return Request(task, model="minilm", data=train, validation=validation, test=test, overrides=overrides)


if __name__ == "__main__":
    main()
