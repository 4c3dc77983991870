import pytest

from bertkit import adapters
from bertkit.adapters import _guess

REVIEWS = [
    {"id": str(line), "review": f"a sentence with {line} words or more", "stars": str(line % 3)} for line in range(30)
]


def infer(rows, **given):
    return adapters.load("sequence-classification").infer(list(rows[0]), rows, given)


def column(values):
    return [{"label": value} for value in values]


def test_infer_finds_text_and_label_by_name_and_says_why():
    found = infer(REVIEWS)
    assert found.columns == {"text": "review", "label": "stars"}
    assert found.settings == {"labels": "single"}
    assert len(found.because) == 3


def test_infer_finds_text_and_label_by_their_cells():
    rows = [{"nr": row["id"], "was gesagt wurde": row["review"], "art": row["stars"]} for row in REVIEWS]
    assert infer(rows).columns == {"text": "was gesagt wurde", "label": "art"}


def test_infer_finds_a_pair():
    rows = [{"Premise": "one", "Hypothesis": "two", "label": str(line % 2)} for line in range(10)]
    found = infer(rows)
    assert found.columns == {"text": "Premise", "text_pair": "Hypothesis", "label": "label"}


def test_infer_keeps_what_is_given():
    rows = [{**row, "label": str(line % 2), "text": "another text"} for line, row in enumerate(REVIEWS)]
    found = infer(rows, text="review", label="stars")
    assert found.columns == {"text": "review", "label": "stars"}
    assert len(found.because) == 1


@pytest.mark.parametrize(
    "rows",
    [
        [{"a": f"{line}", "b": f"{line}"} for line in range(10)],
        [{"label": f"{line % 2}", "b": "no"} for line in range(10)],
        [{"text": "the same text everywhere"}] * 10,
    ],
)
def test_infer_without_text_or_label_gives_up(rows):
    assert infer(rows) is None


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["yes", "no"] * 10, "single"),
        (["1", "2", "3", "4", "5"] * 4, "single"),
        (["007", "008"] * 5, "single"),
        ([str(number) for number in range(30)], "number"),
        (["0.5", "1", "-2e3", ".25"] * 3, "number"),
        ([0.5, 1.0, 2.25], "number"),
        ([["a"], ["a", "b"], []], "multi"),
        (["a,b", "b", "a", "b,c", "c", "a,c", "a", "b", "c", "a,b,c"], "multi"),
        (["NA", "null", "NA", ""], "single"),
        (["New York, NY", "Paris, France"] * 5, "single"),
    ],
)
def test_kind_of_labels(values, kind):
    assert _guess.kind_of_labels("label", column(values))[0] == kind


@pytest.mark.parametrize("separator", [",", ";", "|"])
def test_kind_of_labels_finds_the_separator(separator):
    cells = [f"a{separator}b", "a", "b", f"b{separator} c", "c", "a", f"a{separator}c", "c"]
    kind, found, reason = _guess.kind_of_labels("label", column(cells))
    assert (kind, found) == ("multi", separator)
    assert "3 of 8 cells" in reason
