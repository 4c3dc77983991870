"""A run answers rows: read -> encode -> forward -> decode, for eval, predict and the Python API alike."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from bertkit.adapters import Adapter
from bertkit.adapters._encoder import Encoder
from bertkit.adapters._results import Encoded, Record
from bertkit.data.examples import Column, Example, is_empty, to_example
from bertkit.data.tables import Row
from bertkit.engine import backends, device, processes, run
from bertkit.engine.backends._choice import AUTO, choose
from bertkit.engine.forward import Forward
from bertkit.engine.progress import Progress, silent
from bertkit.engine.run import Run
from bertkit.engine.unseen import Unseen
from bertkit.errors import DataError, UsageError

# The answer to a row without text.
NO_TEXT = Record(None, None)
SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Predictor:
    """A loaded run; weights are read when the first row comes.

    Args:
        run: The run folder.
        backend: Name of what computes its logits.
    """

    run: Run
    backend: str

    @property
    def adapter(self) -> Adapter:
        """The run's adapter."""
        return self.run.adapter

    @cached_property
    def encoder(self) -> Encoder:
        """The run's tokenizer and limits."""
        return self.run.encoder()

    @cached_property
    def forward(self) -> Forward:
        """The run's model in its backend."""
        backend = backends.load(self.backend)
        with self.run.checked(backend.reads):
            return Forward(backend.open(self.run.folder, self.adapter), self.adapter, self.encoder.pad_id)

    @cached_property
    def layouts(self) -> list[list[Column]]:
        """The columns that a row must have to be answered; there may be several sets of them."""
        named = self.run.recipe.columns
        return [
            [column for column in columns if column.kind != "label" and (column.role in named or not column.optional)]
            for columns in self.adapter.layouts
        ]

    def predict(self, texts: Iterable[str | Sequence[str] | Mapping[str, Any]]) -> list[Record]:
        """Answer texts.

        Args:
            texts: Each a text, or several texts where the run needs several, or a list of words, or a mapping of
                roles. Half of a surrogate pair, which is no character, is read as U+FFFD.

        Returns:
            One record a row; that of a row without text is `NO_TEXT`.

        Raises:
            DataError: A row has other texts than the run answers.
        """
        if isinstance(texts, str):
            raise UsageError("predict answers a list of texts", f"predict([{texts[:20]!r}])")
        examples = [self._example(position, text) for position, text in enumerate(texts, 1)]
        full = [index for index, example in enumerate(examples) if not is_empty(example, list(example.values))]
        records = [NO_TEXT] * len(examples)
        for index, record in zip(full, self.answer([examples[index] for index in full]), strict=True):
            records[index] = record
        return records

    def answer(
        self, examples: Sequence[Example], unseen: Unseen | None = None, progress: Progress = silent
    ) -> list[Record]:
        """Answer rows that all have text.

        Args:
            examples: The rows.
            unseen: A ledger to add to.
            progress: Told how many windows are done.
        """
        return self.finish(examples, self.encode(examples), unseen, progress)

    def encode(self, examples: Sequence[Example], encoder: Encoder | None = None) -> Encoded:
        """Return the windows of this process's share of some rows: the part of `answer` that needs no model.

        Args:
            examples: Rows that all have text.
            encoder: Another one than the run's own, of the same tokenizer and limits.
        """
        return self.adapter.encode(processes.share(examples), encoder or self.encoder, targets=False)

    def finish(
        self, examples: Sequence[Example], encoded: Encoded, unseen: Unseen | None = None, progress: Progress = silent
    ) -> list[Record]:
        """Answer rows that are encoded; of several processes, all must come here, and in the same order.

        Args:
            examples: The rows.
            encoded: What `encode` returned for them.
            unseen: A ledger to add to.
            progress: Told how many windows are done.
        """
        with device.memory_errors("stop other programs, or --set encode.max_length=128 in a new training"):
            logits = self.forward(encoded.windows, progress)
        own = self.adapter.decode(logits, encoded.windows, len(processes.share(examples)))
        records = processes.merge(own)
        if unseen is not None:
            ledger = Unseen()
            ledger.add(encoded)
            for part in processes.gather(ledger):
                unseen.merge(part)
        return records

    def _example(self, position: int, text: str | Sequence[str] | Mapping[str, Any]) -> Example:
        for columns in self.layouts:
            if (row := _fill(columns, text)) is not None:
                kinds = {column.role: column.kind for column in columns}
                row = {role: _characters(value) for role, value in row.items()}
                return to_example(Row(position, row), "row", {role: role for role in row}, kinds)
        known = [[column.role for column in columns] for columns in self.layouts]
        if isinstance(text, Mapping):
            answered = " or ".join(map(", ".join, known))
            raise DataError(f"row:{position}: its roles are {', '.join(text)}; this run answers {answered}")
        count = 1 if isinstance(text, str) else len(text)
        answered = " or ".join(f"{len(roles)}: {', '.join(roles)}" for roles in known)
        raise DataError(f"row:{position}: {count} texts; this run answers {answered}")


def _characters(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_characters(item) for item in value]
    return SURROGATE.sub("\ufffd", value) if isinstance(value, str) else value


def _fill(columns: Sequence[Column], text: str | Sequence[str] | Mapping[str, Any]) -> dict[str, Any] | None:
    """Return a row by role if it fits a layout: by name, or texts in their order, or a list of words."""
    roles = [column.role for column in columns]
    if isinstance(text, Mapping):
        return dict(text) if set(roles) == text.keys() else None
    if [column.kind for column in columns] == ["words"]:
        return {roles[0]: text} if isinstance(text, list) else None
    parts = [text] if isinstance(text, str) else text
    return dict(zip(roles, parts, strict=True)) if len(parts) == len(roles) else None


def load_run(name: str | Path | None = None, *, backend: str = AUTO) -> Predictor:
    """Load a run to answer texts with.

    Args:
        name: Folder or name of a run; None is the newest.
        backend: "torch", "onnx" or "onnx-int8"; "auto" is the fastest exact one that the run has, or the graph
            where torch is hardly faster, since torch takes seconds to start.

    Raises:
        RunError: There is no such run.
        UsageError: The run has not got that backend.
        MachineError: What the backend needs is not installed, or broken.
    """
    found = run.find(name)
    return Predictor(found, choose(found, backend))
