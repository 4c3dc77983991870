"""The piece of a text that answers a question, found by where it begins and ends."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import BaseModel, Field

from bertkit.adapters._base import Adapter
from bertkit.adapters._encoder import Encoder, Window
from bertkit.adapters._question_answering import answer_cells, contexts, guess, report, squad
from bertkit.adapters._question_answering.contexts import Shown, Tokens
from bertkit.adapters._question_answering.n_best import NBest, Ranking
from bertkit.adapters._question_answering.reach import best_answer
from bertkit.adapters._question_answering.top_span import top_spans
from bertkit.adapters._results import Encoded, Grid, Inferred, Record, Scorer
from bertkit.data.examples import Column, Example, Examples
from bertkit.errors import DataError
from bertkit.recipe.schema import Count, Settings

CUT_QUESTIONS = "questions are cut to fit the window"
NOT_SHOWN = "answers lie in no window"
INSIDE = "answers begin or end inside a token"


class QuestionAnsweringSettings(Settings):
    """The [adapter] table of a recipe."""

    unanswerable: bool = Field(False, description="whether rows without an answer teach that there may be none")
    threshold: Literal["auto", "off"] | Annotated[float, Field(allow_inf_nan=False)] = Field(
        "auto",
        description="log-odds of no answer above which none is given; auto: tuned on the validation rows; off: 0",
    )
    max_answer_tokens: Count = Field(30, description="tokens of the longest answer")
    n_best: Count = Field(20, description="answers listed for each row")


class QuestionAnswering(Adapter):
    """Devlin et al. 2019: scores of start and end for each token of `[CLS] question [SEP] context [SEP]`."""

    settings_model: ClassVar[type[BaseModel]] = QuestionAnsweringSettings
    model_class: ClassVar[str] = "AutoModelForQuestionAnswering"
    per_token: ClassVar[bool] = True
    layouts: ClassVar[tuple[tuple[Column, ...], ...]] = (
        (
            Column("question", "text", usual=guess.QUESTION),
            Column("context", "text", usual=guess.CONTEXT),
            Column("answers", "label", training_only=True, usual=guess.ANSWERS),
            Column("answer_start", "label", training_only=True, optional=True, usual=guess.START),
            Column("id", "label", optional=True, usual=("id",)),
            Column("title", "label", optional=True, usual=("title",)),
        ),
    )

    @property
    def metric(self) -> str:
        """Words shared with the nearest right answer."""
        return "f1"

    @property
    def bounded(self) -> tuple[str, ...]:
        """Scores of rows that have an answer."""
        return ("exact_match", "f1", "answerable_exact_match", "answerable_f1")

    @property
    def outputs(self) -> int:
        """Start and end."""
        return 2

    @classmethod
    def infer(
        cls, columns: Sequence[str], rows: Sequence[Mapping[str, Any]], given: Mapping[str, str]
    ) -> Inferred | None:
        """Guess by the names of columns, if the answers stand in the contexts."""
        return guess.infer(columns, rows, given)

    def mend(self, found: Examples, on_bad_row: str) -> Examples:
        """Bring answers into one form, repair their places, and keep the first row of each id."""
        return answer_cells.mend(found, on_bad_row)

    def learn_labels(self, examples: Sequence[Example]) -> Self:
        """Check that there is something to learn; there are no labels."""
        if not any(self._golds(example) for example in examples):
            raise DataError(f"{examples[0].source}: no training row has an answer", "--set columns.answers=NAME")
        return self

    def is_unlabelled(self, example: Example) -> bool:
        """Tell whether there is no answer where every question has one."""
        says = example.values.get("answers") is not None
        return not says or not (self.settings.unanswerable or self._golds(example))

    def stratum(self, example: Example) -> str | None:
        """Documents stay together instead."""
        return None

    def group(self, example: Example) -> str | None:
        """The title of the document, else the context itself."""
        title = example.values.get("title")
        return str(title) if title else str(example.values["context"])

    def check_labels(self, examples: Sequence[Example]) -> None:
        """Accept all rows: what is wrong with answers was found when they were mended."""

    def config(self) -> dict[str, Any]:
        """Return two outputs, whatever the checkpoint was trained for."""
        return {"id2label": {0: "start", 1: "end"}, "label2id": {"start": 0, "end": 1}}

    def encode(self, examples: Sequence[Example], encoder: Encoder, *, targets: bool) -> Encoded:
        """Return one window a row, or several over a long context, each with the whole question."""
        pairs = [(str(row.values["question"]), str(row.values["context"])) for row in examples]
        questions, contexts = (list(dict.fromkeys(texts)) for texts in zip(*pairs, strict=True)) if pairs else ([], [])
        ids = dict(zip(questions, encoder.ids(questions), strict=True))
        offsets = zip(contexts, encoder.ids_and_offsets(contexts), strict=True)
        tokens = {context: Tokens.of(context, *found) for context, found in offsets}
        remarks: defaultdict[str, list[str]] = defaultdict(list)
        windows: list[Window] = []
        seen = np.zeros(len(pairs), np.int64)
        frame = sum(part.size for part in encoder.pair.ids[:2])
        for row, (question, context) in enumerate(pairs):
            own = []
            asked = 0
            spans = self._spans(examples[row], tokens[context]) if targets else []
            taught = [span for span in spans if tokens[context].is_legal(span)]
            for view in encoder.views(ids[question], tokens[context].ids):
                shown = Shown.of(context, tokens[context], view)
                target = self._target(examples[row], taught, shown) if targets else None
                own.append(Window(row, view.input_ids, view.segment_ids, target, shown))
                seen[row] += view.fresh
                asked = view.start - frame
            if asked < ids[question].size:
                remarks[CUT_QUESTIONS].append(answer_cells.place(examples[row]))
            if len(taught) < len(spans):
                remarks[INSIDE].append(answer_cells.place(examples[row]))
            if targets and (taught or not spans) and all(window.target is None for window in own):
                remarks[NOT_SHOWN].append(answer_cells.place(examples[row]))
            windows += own
        sizes = [ids[question].size + tokens[context].ids.size for question, context in pairs]
        return Encoded(windows, np.array(sizes, np.int64), seen, remarks)

    def target_batch(self, windows: Sequence[Window]) -> np.ndarray:
        """Shares of annotators for start and end, -1 where there can be none, (windows, longest window, 2)."""
        return contexts.target_batch(windows, self.settings.unanswerable)

    def count(self, targets: np.ndarray) -> int:
        """A start and an end a window."""
        return 2 * len(targets)

    def loss(self, logits: Any, targets: Any) -> Any:
        """Cross-entropy of start and of end over legal positions."""
        import torch

        legal = targets > contexts.ILLEGAL
        # Not -inf: times a weight of 0 it would be no number.
        scores = logits.masked_fill(~legal, torch.finfo(logits.dtype).min)
        return -(targets.clamp(min=0) * scores.log_softmax(dim=1)).sum()

    def logits(self, outputs: Any) -> Any:
        """Start and end side by side, shape (windows, longest window, 2)."""
        import torch

        return torch.stack([outputs.start_logits, outputs.end_logits], dim=-1)

    def decode(self, logits: Sequence[np.ndarray], windows: Sequence[Window], rows: int) -> list[Record]:
        """Return the most probable legal span of all windows of a row, or that there is no answer."""
        if not rows:
            return []
        settings, threshold = self.settings, self._threshold()
        field = contexts.field(logits, windows, rows, settings.unanswerable)
        ranking = Ranking(field, settings.max_answer_tokens, settings.n_best)
        top = top_spans(field.runs, field.null, settings.max_answer_tokens, settings.n_best)
        records = []
        for row, (context, edges, probability, null, difference) in enumerate(
            zip(
                field.contexts,
                field.edges(top.start, top.end).tolist(),
                top.probability.tolist(),
                top.null_probability.tolist(),
                top.null_difference.tolist(),
                strict=True,
            )
        ):
            detail: dict[str, Any] = {"start": None, "end": None, "n_best": NBest(ranking, row)}
            if settings.unanswerable:
                detail["null_difference"] = difference
            if difference == math.inf or (settings.unanswerable and difference > threshold):
                records.append(Record("", null if settings.unanswerable else None, detail))
                continue
            start, end = detail["start"], detail["end"] = edges
            records.append(Record(context[start:end], probability, detail))
        return records

    def reach(self, examples: Sequence[Example], encoded: Encoded) -> list[Record]:
        """Return the right answer where a window shows it whole, else the piece that shares most words with one."""
        shown: list[list[Shown]] = [[] for _ in examples]
        for window in encoded.windows:
            shown[window.row].append(window.detail)
        longest = self.settings.max_answer_tokens
        return [
            Record(best_answer(example.values["answers"] or (), own, longest), None)
            for example, own in zip(examples, shown, strict=True)
        ]

    def tune(self, logits: Sequence[np.ndarray], windows: Sequence[Window], examples: Sequence[Example]) -> Self:
        """Fit the null threshold on validation rows of both kinds, for the best F1."""
        if not self.settings.unanswerable or self.settings.threshold != "auto":
            return self
        golds = [self._golds(example) for example in examples]
        spans = self.with_fitted(null_threshold=math.inf).decode(logits, windows, len(examples))
        pairs = [
            (record, gold) for record, gold in zip(spans, golds, strict=True) if record.detail["start"] is not None
        ]
        if len({bool(gold) for _, gold in pairs}) < 2:
            return self
        difference = np.array([record.detail["null_difference"] for record, _ in pairs])
        gain = [squad.best(gold, record.answer)[1] if gold else -1.0 for record, gold in pairs]
        return self.with_fitted(null_threshold=squad.best_null_threshold(difference, np.array(gain)))

    @property
    def is_tuned(self) -> bool:
        """Tell whether the null threshold was fitted to validation rows."""
        return "null_threshold" in self.fitted

    def scorer(self, records: Sequence[Record], examples: Sequence[Example]) -> Scorer:
        """Exact match and F1 of SQuAD; where there may be no answer, also of both kinds of rows."""
        golds, answers = list(map(self._golds, examples)), [record.answer for record in records]
        return report.scorer(golds, answers, unanswerable=self.settings.unanswerable)

    def report(self, records: Sequence[Record], examples: Sequence[Example]) -> list[Grid]:
        """By kind of row, and by English question word."""
        golds, answers = list(map(self._golds, examples)), [record.answer for record in records]
        return report.tables(golds, answers, [str(example.values["question"]) for example in examples])

    def gold(self, example: Example) -> Any:
        """Return the first right answer, "" where there is none."""
        return next(iter(self._golds(example)), "")

    def lessons(self, example: Example) -> list[str]:
        """Whether there is an answer."""
        return ["answer" if self._golds(example) else "no answer"]

    def severity(self, record: Record, example: Example) -> float | None:
        """Rank errors by confidence."""
        exact, _ = squad.best(self._golds(example), record.answer)
        return None if exact else record.score or 0.0

    def cells(self, record: Record, *, everything: bool) -> dict[str, Any]:
        """The answer, its probability, its first character, and the best answers."""
        found = {"answer": record.answer, "score": record.score, "start": record.detail["start"]}
        return found | ({"n_best": list(record.detail["n_best"])} if everything else {})

    def cell_names(self, *, everything: bool) -> list[str]:
        """The names of these columns."""
        return ["answer", "score", "start", *(["n_best"] if everything else [])]

    def _golds(self, example: Example) -> list[str]:
        return [answer["text"] for answer in example.values["answers"] or ()]

    def _spans(self, example: Example, tokens: Tokens) -> list[tuple[int, int]]:
        """Return the first and last token of each right answer."""
        answers = example.values["answers"] or ()
        spans = (tokens.span(answer["start"], answer["start"] + len(answer["text"])) for answer in answers)
        return [span for span in spans if span is not None]

    def _target(self, example: Example, spans: Sequence[tuple[int, int]], shown: Shown) -> np.ndarray | None:
        if self.settings.unanswerable and not example.values["answers"]:
            return np.zeros((1, 2), np.int64)
        return contexts.target(spans, shown)

    def _threshold(self) -> float:
        chosen = self.settings.threshold
        return chosen if isinstance(chosen, float) else float(self.fitted.get("null_threshold", 0.0))
