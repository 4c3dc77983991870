"""A run and labelled rows become scores with intervals, a report and a list of errors."""

from __future__ import annotations

import csv
import io
import logging
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from bertkit.adapters import Adapter
from bertkit.adapters._results import Encoded, Grid, Record, Scores
from bertkit.data import durable, hub_metrics
from bertkit.data.examples import Example, Examples
from bertkit.data.intervals import bootstrap_interval
from bertkit.data.tables import as_text
from bertkit.engine import load, processes
from bertkit.engine.backends._choice import AUTO
from bertkit.engine.predictor import Predictor, load_run
from bertkit.engine.progress import Progress, silent
from bertkit.engine.run import Run
from bertkit.engine.token_cache import cached
from bertkit.engine.unseen import Unseen
from bertkit.errors import RunError, UsageError

log = logging.getLogger("bertkit")
PREFIX = "evaluate:"


@dataclass(frozen=True)
class Mistake:
    """A row whose answer is wrong.

    Args:
        row: Line of the file.
        text: What the model was given.
        gold: The right answer.
        answer: The model's answer.
        score: Its probability, if there is one.
    """

    row: int
    text: str
    gold: str
    answer: str
    score: float | None


@dataclass(frozen=True)
class Evaluation:
    """How good a run is on some rows.

    Args:
        run: Name of the run.
        backend: What computed the answers.
        source: Name of the file or data set.
        rows: Rows scored.
        scores: Metric to value.
        intervals: Metric to its 95 % bootstrap interval.
        ceiling: Metric to the highest value that tokenizer, length and stride leave room for, where they bound it.
        report: Tables that explain the scores.
        mistakes: The most confident first.
        unseen: What the model did not see.
        seen: The same as a sentence.
        tuned_on_these: Whether thresholds were fitted to these very rows.
    """

    run: str
    backend: str
    source: str
    rows: int
    scores: Scores
    intervals: dict[str, tuple[float, float]]
    ceiling: Scores
    report: list[Grid]
    mistakes: list[Mistake]
    unseen: Unseen
    seen: str
    tuned_on_these: bool


def evaluate(
    run: str | Path | None = None,
    *,
    data: str | None = None,
    columns: Mapping[str, str] | None = None,
    settings: Mapping[str, Any] | None = None,
    backend: str = AUTO,
    metrics: Sequence[str] = (),
    progress: Progress = silent,
) -> Evaluation:
    """Score a run.

    Args:
        run: Folder or name; by default the newest.
        data: A labelled file; by default the run's test split, else its validation rows.
        columns: Role to column name where it differs from the run's.
        settings: How the file is read, such as {"delimiter": ";"}.
        backend: What computes the answers, as in `load_run`.
        metrics: Scripts with further metrics of the `evaluate` library, which are run.
        progress: Told how many rows are done.

    Raises:
        BertkitError: The rows cannot be used, or have changed since training.
    """
    if data is None and (columns or settings):
        raise UsageError("columns and settings are for a file of your own", "--data FILE")
    predictor = load_run(run, backend=backend)
    if data is not None:
        examples, on_validation = load.file(data, predictor.run.recipe, predictor.adapter, columns, settings), False
    else:
        examples, on_validation = own_rows(predictor.run)
    if data is not None:
        warn_of_training_rows(predictor.run, data)
    predictor.adapter.check_labels(examples.rows)
    return _evaluate(predictor, examples, on_validation, metrics, progress)


def warn_of_training_rows(run: Run, path: str | Path) -> None:
    """Warn if a file is the one that the run was trained on: its scores say little about other rows."""
    train = run.recipe.data.train
    if run.recipe.data.hub is None and train is not None and Path(path).resolve() == Path(train).resolve():
        log.warning("%s is the file this run was trained on: scores on its rows flatter the model", path)


def own_rows(run: Run) -> tuple[Examples, bool]:
    """Read the rows a run keeps for its evaluation, and tell whether these are its validation rows.

    Raises:
        RunError: The validation rows have changed since training.
    """
    if run.recipe.data.test is not None:
        return load.split(run.recipe, "test", run.adapter), False
    return validation_rows(run, "restore them, or bertkit eval --data FILE"), True


def validation_rows(run: Run, hint: str = "restore them") -> Examples:
    """Read the rows that selected the best epoch of a run.

    Args:
        run: The run.
        hint: What to type where they have changed.

    Raises:
        RunError: They have changed since training.
    """
    held = run.held_out()
    rows = load.split(run.recipe, "validation" if held is None else "train", run.adapter)
    if held is not None:
        rows = rows.pick([position for position in held if position < len(rows.rows)])
    if rows.fingerprint() != run.info["data"]["validation"]["fingerprint"]:
        raise RunError(
            f"{rows.source}: the rows that {run.name} was validated on have changed since training",
            hint,
        )
    return rows


def write_mistakes(path: Path, mistakes: Sequence[Mistake]) -> None:
    """Write the wrong answers as CSV with the columns row, text, gold, answer, score; an older file is replaced.

    Raises:
        UsageError: The file cannot be written.
    """
    if not processes.is_main():
        return
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(field.name for field in fields(Mistake))
    writer.writerows(astuple(mistake) for mistake in mistakes)
    try:
        with durable.disk_errors(str(path)):
            durable.write(path, text.getvalue().encode())
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}", "--errors FILE elsewhere") from error


def _evaluate(
    predictor: Predictor, examples: Examples, on_validation: bool, scripts: Sequence[str], progress: Progress
) -> Evaluation:
    adapter = predictor.adapter
    unseen = Unseen()
    encoded = predictor.encode(examples.rows, cached(predictor.encoder))
    records = predictor.finish(examples.rows, encoded, unseen, progress)
    for sentence in unseen.remark_sentences():
        log.warning("%s: %s", examples.source, sentence)
    scorer = adapter.scorer(records, examples.rows)
    everything = np.arange(len(records))
    scores = scorer(everything) | _named_metrics(predictor.run, scripts, records, examples.rows)
    return Evaluation(
        run=predictor.run.name,
        backend=predictor.backend,
        source=examples.source,
        rows=len(records),
        scores=scores,
        intervals=bootstrap_interval(scorer, len(records)),
        ceiling=_ceiling(adapter, encoded, examples.rows),
        report=adapter.report(records, examples.rows),
        mistakes=_mistakes(adapter, records, examples.rows),
        unseen=unseen,
        seen=unseen.sentence(predictor.encoder.max_length),
        tuned_on_these=on_validation and adapter.is_tuned,
    )


def _ceiling(adapter: Adapter, encoded: Encoded, examples: Sequence[Example]) -> Scores:
    reached = adapter.reach(processes.share(examples), encoded)
    return {} if reached is None else adapter.ceiling(processes.merge(reached), examples)


def _named_metrics(run: Run, scripts: Sequence[str], records: Sequence[Record], examples: Sequence[Example]) -> Scores:
    named = [name.removeprefix(PREFIX) for name in run.recipe.metrics]
    if not named and not scripts:
        return {}
    gold, answers = run.adapter.arrays(records, examples)
    found: Scores = {}
    values_of = dict.fromkeys(named, hub_metrics.compute) | dict.fromkeys(scripts, hub_metrics.compute_script)
    for name, compute in values_of.items():
        values = compute(name, gold, answers, n_classes=len(run.adapter.labels))
        found |= {f"{PREFIX}{key}": value for key, value in values.items()}
    return found


def _mistakes(adapter: Adapter, records: Sequence[Record], examples: Sequence[Example]) -> list[Mistake]:
    labels = {column.role for columns in adapter.layouts for column in columns if column.kind == "label"}
    found: list[tuple[float, Mistake]] = []
    for record, example in zip(records, examples, strict=True):
        severity = adapter.severity(record, example)
        if severity is not None:
            shown = (value for role, value in example.values.items() if role not in labels)
            text = " | ".join(value if isinstance(value, str) else " ".join(value) for value in shown)
            answers = (adapter.gold(example), record.answer)
            right, wrong = (as_text(adapter.as_cell(answer)) or "" for answer in answers)
            score = None if record.score is None else round(record.score, 6)
            mistake = Mistake(example.line, text, right, wrong, score)
            found.append((severity, mistake))
    return [mistake for _, mistake in sorted(found, key=lambda item: -item[0])]
