import json

import pytest

from bertkit.adapters import create
from bertkit.adapters._question_answering import answer_cells
from bertkit.data.examples import Example, Examples
from bertkit.errors import DataError

CONTEXT = "Oslo is the capital of Norway. In Norway, Oslo [1] is {large}."
NORWAY = CONTEXT.index("Norway")


def rows(*values, source="train.csv"):
    return Examples(source, [Example(source, line, {"context": CONTEXT, **own}) for line, own in enumerate(values, 2)])


def mended(cell, starts=None, context=CONTEXT, on_bad_row="stop"):
    found = answer_cells.mend(rows({"context": context, "answers": cell, "answer_start": starts}), on_bad_row)
    return [[(answer["text"], answer["start"]) for answer in row.values["answers"]] for row in found.rows], found


CAPITAL = {"text": ["capital", "the capital"], "answer_start": [12, 8]}


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize(
    "cell",
    [
        CAPITAL,
        [{"text": "capital", "answer_start": 12}, {"text": "the capital", "answer_start": 8}],
        [{"text": "capital", "start": 12}, {"text": "the capital", "start": 8}],
        ["capital", "the capital"],
        {"text": ["capital", "the capital"]},
    ],
)
def test_mend_reads_every_form(cell, as_json):
    answers, found = mended(json.dumps(cell) if as_json else cell)
    assert answers == [[("capital", 12), ("the capital", 8)]]
    assert found.repaired == found.dropped == {}


@pytest.mark.parametrize(
    ("cell", "starts", "start"),
    [
        ("capital", None, 12),
        ("capital", "12", 12),
        ("capital", 12.0, 12),
        ("Norway", NORWAY + 11, NORWAY + 11),
        ("Norway", "[23]", 23),
        ("[1]", None, CONTEXT.index("[1]")),
        ("{large}", "", CONTEXT.index("{large}")),
        (["Norway"], [NORWAY + 11], NORWAY + 11),
    ],
)
def test_mend_reads_texts_with_places_in_their_own_column(cell, starts, start):
    answers, found = mended(cell, starts)
    assert [start for row in answers for _, start in row] == [start]
    assert found.repaired == {}


@pytest.mark.parametrize("cell", ["", "  ", [], "[]", {"text": []}, '{"text": [], "answer_start": []}'])
def test_mend_reads_no_answer(cell):
    assert mended(cell)[0] == [[]]


def test_mend_leaves_a_row_alone_that_does_not_say_whether_there_is_an_answer():
    rows = [Example("train.json", 1, {"question": "Who?", "context": CONTEXT, "answers": None})]
    found = answer_cells.mend(Examples("train.json", rows), "stop")
    assert found.rows == rows
    for unanswerable in (False, True):
        assert create("question-answering", {"unanswerable": unanswerable}).is_unlabelled(rows[0])


def test_mend_takes_the_first_of_several_places():
    answers, found = mended("Norway")
    assert answers == [[("Norway", NORWAY)]]
    assert found.repaired == {answer_cells.AMBIGUOUS: 1}


@pytest.mark.parametrize(
    ("text", "start", "place"),
    [
        ("capital", 11, 12),
        ("capital", -1, 12),
        ("capital", 4000, 12),
        (" capital ", 30, 12),
        ("Norway", NORWAY - 1, NORWAY),
        (" Norway", NORWAY + 10, NORWAY + 11),
    ],
)
def test_mend_repairs_places(text, start, place):
    answers, found = mended({"text": [text], "answer_start": [start]})
    assert answers == [[(text.strip(), place)]]
    right = CONTEXT.startswith(text, max(start, 0))
    assert found.repaired == ({} if right else {answer_cells.REPAIRED: 1})


@pytest.mark.parametrize(
    ("cell", "starts", "fault", "reason"),
    [
        ("Sweden", None, 'the answer "Sweden" is not in the context', answer_cells.MISSING),
        (
            {"text": ["Norway"], "answer_start": [3]},
            None,
            "is not at character 3 and occurs in several other places",
            answer_cells.ELSEWHERE,
        ),
        ({"text": ["Oslo", "Norway"], "answer_start": [0]}, None, "2 answers and 1 places", answer_cells.UNREADABLE),
        ("Oslo", "here", '"here" is no place', answer_cells.UNREADABLE),
        ("[" * 100_000, None, "is not in the context", answer_cells.MISSING),
        ("Norway", "[" * 100_000, "is no place", answer_cells.UNREADABLE),
        ([1, 2], None, "neither text nor a list", answer_cells.UNREADABLE),
        ([{"answer": "Oslo"}], None, "neither text nor a list", answer_cells.UNREADABLE),
        ({"answer": "Oslo"}, None, "neither text nor a list", answer_cells.UNREADABLE),
    ],
)
def test_mend_refuses_or_skips_what_it_cannot_place(cell, starts, fault, reason, caplog):
    bad = {"answers": cell, "answer_start": starts, "id": "q7"}
    with pytest.raises(DataError) as error:
        answer_cells.mend(rows({"answers": "capital"}, bad), "stop")
    assert error.value.message.startswith('train.csv:3 (id q7), column of role "answers": ')
    assert fault in error.value.message
    assert error.value.message.endswith(f" (bad rows in train.csv: 1 with {reason})")
    assert "data.on_bad_row=skip" in error.value.hint
    found = answer_cells.mend(rows({"answers": "capital"}, bad), "skip")
    assert [row.line for row in found.rows] == [2]
    assert found.dropped == {reason: 1}
    assert found.first == {reason: "train.csv:3 (id q7)"}
    assert "train.csv:3 (id q7)" in caplog.text


def test_mend_leaves_out_single_answers():
    answers, found = mended({"text": ["capital", "Sweden", " ", "capital"], "answer_start": [12, 3, 0, 12]})
    assert answers == [[("capital", 12), ("capital", 12)]]
    assert found.repaired == {answer_cells.EMPTY: 1, answer_cells.FAULTY: 1}


def test_mend_keeps_the_first_row_of_an_id(caplog):
    found = answer_cells.mend(
        rows(*({"answers": "capital", "id": name} for name in ("a", "b", "a", "", "", 7, "7"))), "stop"
    )
    assert [row.line for row in found.rows] == [2, 3, 5, 6, 7]
    assert found.dropped == {"a repeated id": 2}
    assert found.first == {"a repeated id": "train.csv:4 (id a)"}
    assert "train.csv:4 (id a); train.csv:8 (id 7)" in caplog.text


def test_mend_twice_changes_nothing_more():
    once = answer_cells.mend(
        rows({"answers": "Norway"}, {"answers": {"text": [" capital"], "answer_start": [40]}}, {}), "stop"
    )
    twice = answer_cells.mend(once, "stop")
    assert twice.rows == once.rows
    assert twice.repaired == once.repaired == {answer_cells.AMBIGUOUS: 1, answer_cells.REPAIRED: 1}


@pytest.mark.parametrize(
    ("context", "text"),
    [
        ("挪威的首都是奥斯陆。", "奥斯陆"),
        ("عاصمة النرويج هي أوسلو.", "أوسلو"),
        ("בירת נורווגיה היא אוסלו.", "אוסלו"),
        ("🙂🙂 Oslo", "Oslo"),
    ],
)
def test_mend_counts_characters_of_every_script(context, text):
    start = context.index(text)
    for given, repaired in ((start, {}), (start + 2, {answer_cells.REPAIRED: 1}), (None, {})):
        answers, found = mended({"text": [text], "answer_start": [given]}, context=context)
        assert answers == [[(text, start)]]
        assert found.repaired == repaired
