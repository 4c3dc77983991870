"""A run that answers at once and always alike: what is tried is what happens around the answers."""

import zlib
from types import SimpleNamespace
from unittest import mock

import numpy as np

from bertkit import adapters
from bertkit.adapters._results import Encoded, Record
from bertkit.data.formats import parquet
from bertkit.engine import predict as predict_table
from bertkit.engine import resumable_output, table_reader
from bertkit.engine.unseen import Unseen
from bertkit.recipe.schema import Recipe

CHUNK = 20
# Whatever a note takes: there is one after each chunk.
ALWAYS = 1e9


class FakePredictor:
    """Stands in for a loaded run; its answer follows from the text.

    Args:
        stop_at: The chunk, from 1, that is not answered but raises an error.
        error: That error.
    """

    backend = "fake"

    def __init__(self, stop_at=0, error=KeyboardInterrupt):
        made = adapters.create("sequence-classification", {})
        self.adapter = type(made)(made.settings, ("bad", "good"), {})
        recipe = {"adapter": {"name": "sequence-classification"}, "columns": {"text": "text", "label": "label"}}
        self.run = SimpleNamespace(info={"name": "fake"}, recipe=Recipe.model_validate(recipe), adapter=self.adapter)
        self.encoder = SimpleNamespace(max_length=128)
        self.stop_at, self.error, self.answered = stop_at, error, 0

    def encode(self, examples, encoder=None):
        """Give each row one token."""
        ones = np.ones(len(examples), int)
        return Encoded([], ones, ones)

    def finish(self, examples, encoded, unseen=None, progress=None):
        """Answer with the check sum of the text."""
        self.answered += 1
        if self.answered == self.stop_at:
            raise self.error
        ledger = Unseen()
        ledger.add(encoded)
        unseen.merge(ledger)
        sums = [zlib.crc32(example.values["text"].encode()) for example in examples]
        return [_record(number) for number in sums]


def _record(number):
    answer, score = number % 2, 0.5 + number % 500_000 / 1e6
    scores = (1 - score, score) if answer else (score, 1 - score)
    return Record(("bad", "good")[answer], score, dict(zip(("bad", "good"), scores, strict=True)))


def predict(source, output, predictor=None, **options):
    """Answer a table with the fake run, in small chunks that are noted each."""
    fake = predictor or FakePredictor()
    with (
        mock.patch.object(predict_table, "load_run", return_value=fake),
        mock.patch.object(predict_table, "warn_of_training_rows", return_value=None),
        mock.patch.object(table_reader, "CHUNK", CHUNK),
        mock.patch.object(parquet, "GROUP_ROWS", CHUNK),
        mock.patch.object(resumable_output, "SHARE", ALWAYS),
    ):
        return predict_table.predict(source, output, **{"settings": {"on_bad_row": "skip"}} | options)


def write_table(path, rows=300, bad=(7, 40, 41, 299)):
    """Write a table with some rows that have too many fields, one of them at the end."""
    lines = [f"{number},text {number} of many{',' * (number in bad)}\n" for number in range(rows)]
    path.write_text("id,text\n" + "".join(lines), encoding="utf-8")
    return path


def left(folder):
    """Return what a folder holds, by name."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}
