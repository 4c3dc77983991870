import json

import pytest

from bertkit.adapters._faults import Fault
from bertkit.adapters._token_classification import span_cells

TEXT = "Ana met Bo in Rome, Ana left."
ANA = {"start": 0, "end": 3, "type": "PER"}
ROME = {"start": 14, "end": 18, "type": "LOC"}
STUDIO = [
    {"was_cancelled": True, "result": [{"value": {"start": 4, "end": 7, "labels": ["X"]}}]},
    {
        "was_cancelled": False,
        "result": [
            {"value": {"start": 14, "end": 18, "text": "Rome", "labels": ["LOC"]}},
            {"value": {"choices": ["good"]}},
            {"value": {"start": 0, "end": 3, "text": "Ana", "labels": ["PER"]}},
        ],
    },
]


@pytest.mark.parametrize(
    "cell",
    [
        [[14, 18, "LOC"], [0, 3, "PER"]],
        [
            {"start_offset": 0, "end_offset": 3, "label": "PER", "id": 1},
            {"start_offset": 14, "end_offset": 18, "label": "LOC"},
        ],
        [{"start": 0, "end": 3, "text": "Ana", "labels": ["PER"]}, {"start": 14, "end": 18, "labels": ["LOC"]}],
        [ANA, ROME],
        [{**ANA, "start": 0.0}, ROME],
        STUDIO,
    ],
)
@pytest.mark.parametrize("form", [lambda cell: cell, json.dumps])
def test_read_knows_the_forms_of_tools(cell, form):
    spans, repaired = span_cells.mend(span_cells.read(form(cell)), TEXT)
    assert spans == [ANA, ROME]
    assert not repaired


@pytest.mark.parametrize(("cell", "expected"), [(None, None), (" ", None), ([], []), ("[]", []), (STUDIO[:1], None)])
def test_read_tells_what_was_not_annotated_from_what_has_no_entity(cell, expected):
    assert span_cells.read(cell) == expected


@pytest.mark.parametrize(
    "cell",
    [
        "PER",
        "[1, 2",
        "[" * 100_000,
        f"[[0, 3, {'[' * 64}{']' * 64}]]",
        7,
        {"start": 0},
        [[0, 3]],
        ["PER"],
        [{"start": 0, "end": 3}],
        [{"start": 0, "end": 3, "labels": ["A", "B"]}],
        [{"start": "0", "end": 3, "label": "A"}],
        [[True, 3, "PER"]],
        [[0, 3, " "]],
    ],
)
def test_read_refuses_other_forms(cell):
    with pytest.raises(Fault) as error:
        span_cells.read(cell)
    assert error.value.reason == span_cells.UNREADABLE


def test_read_takes_whole_numbers_of_any_size():
    assert span_cells.read(f"[[0, 1{'0' * 400}, 1]]".replace(" 1]", ' "PER"]')) == [{**ANA, "end": 10**400}]


@pytest.mark.parametrize(
    ("spans", "expected", "repair"),
    [
        ([(13, 19, "LOC", " Rome,")], [(14, 19)], "entities trimmed of the blanks around them"),
        ([(15, 19, "LOC", "Rome")], [(14, 18)], "entities moved to where their text is"),
        ([(-2, 99, "LOC", "Rome")], [(14, 18)], "entities moved to where their text is"),
        ([(0, 3, "PER"), (0, 10, "EVENT"), (8, 13, "X")], [(0, 10)], "entities left out: they overlap a longer one"),
        ([(0, 3, "PER"), (0, 3, "PER")], [(0, 3)], "entities left out: they overlap a longer one"),
    ],
)
def test_mend_repairs_and_counts(spans, expected, repair):
    keys = ("start", "end", "type", "text")
    found, repaired = span_cells.mend([dict(zip(keys, span, strict=False)) for span in spans], TEXT)
    assert [(span["start"], span["end"]) for span in found] == expected
    assert repaired == {repair: len(spans) - len(expected) or 1}
    assert span_cells.mend(found, TEXT) == (found, {})


@pytest.mark.parametrize(
    ("span", "message"),
    [
        ((25, 10**400), "in a text of 29 characters"),
        ((25, 40), "at 25 to 40 in a text of 29 characters"),
        ((3, 3), "at 3 to 3"),
        ((5, 2), "at 5 to 2"),
        ((-3, 2), "at -3 to 2"),
        ((3, 4), "nothing but blanks"),
        ((1, 4, "Ana"), "more than once"),
        ((0, 4, "Oslo"), "not in the text"),
    ],
)
def test_mend_refuses_what_lies_elsewhere(span, message):
    keys = ("start", "end", "text")
    with pytest.raises(Fault, match=message):
        span_cells.mend([{"type": "PER", **dict(zip(keys, span, strict=False))}], TEXT)
