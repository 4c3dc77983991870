import numpy as np
import pytest

from bertkit import adapters
from bertkit.adapters._encoder import Encoder
from bertkit.adapters._question_answering import squad
from bertkit.data.examples import Example
from bertkit.recipe.schema import EncodeSettings

CONTEXT = "In 1923 the U.S.-based Tower of Oslo, a hall of the arts, grew by 12km: the tallest tower of all, in 1923!"
ANSWERS = ("1923", "Tower of Oslo", "12", "arts, grew by 12km: the tallest tower", "U.S", "all, in 1923", "owe")


@pytest.fixture(scope="module", params=[{}, {"max_length": 16, "truncate": "windows", "stride": 2}, {"max_length": 16}])
def encoder(request, minilm_folder):
    return Encoder.load(minilm_folder, EncodeSettings(**request.param), 512, 0)


def row(*answers, context=CONTEXT):
    cell = [{"text": text, "start": context.index(text)} for text in answers]
    return Example("train.csv", 2, {"question": "What?", "context": context, "answers": cell})


def every_span(windows, longest):
    """All answers that decode can give, found the long way."""
    for window in windows:
        legal = window.detail.legal
        for place, size, _ in window.detail.runs.tolist():
            for start in range(place, place + size):
                for end in range(start, min(start + longest, place + size)):
                    if legal[start, 0] >= 0 and legal[end, 1] >= 0:
                        yield CONTEXT[legal[start, 0] : legal[end, 1]]


@pytest.mark.parametrize("longest", [3, 30])
@pytest.mark.parametrize("answers", [*((answer,) for answer in ANSWERS), ("owe", "12")])
def test_reach_is_as_good_as_the_best_of_all_spans(encoder, answers, longest):
    adapter = adapters.create("question-answering", {"max_answer_tokens": longest})
    example = row(*answers)
    encoded = adapter.encode([example], encoder, targets=False)
    (found,) = adapter.reach([example], encoded)
    spans = list(every_span(encoded.windows, longest))
    best = max(squad.best(answers, span) for span in spans)
    assert found.answer in spans or best == (0, 0)
    assert squad.best(answers, found.answer) == best


def test_reach_can_be_decoded(encoder):
    adapter = adapters.create("question-answering", {})
    rows = [row("U.S"), row("In 1923")]
    encoded = adapter.encode(rows, encoder, targets=False)
    reached = adapter.reach(rows, encoded)
    logits = []
    for window in encoded.windows:
        start = CONTEXT.index(reached[window.row].answer)
        edges = [start, start + len(reached[window.row].answer)]
        logits.append(np.where(window.detail.legal == edges, 9.0, -9.0).astype(np.float32))
    decoded = adapter.decode(logits, encoded.windows, len(rows))
    assert [record.answer for record in decoded] == [record.answer for record in reached] == ["U.S", "In 1923"]


def test_reach_of_a_question_without_an_answer_is_right(encoder):
    adapter = adapters.create("question-answering", {"unanswerable": True})
    rows = [row(), row("1923")]
    reached = adapter.reach(rows, adapter.encode(rows, encoder, targets=False))
    assert [record.answer for record in reached] == ["", "1923"]
    assert adapter.ceiling(reached, rows)["exact_match"] == 1
