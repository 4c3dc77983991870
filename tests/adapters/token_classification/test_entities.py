import numpy as np
import pytest

from bertkit import adapters
from bertkit.adapters._results import Record
from bertkit.adapters._token_classification.words import Words
from bertkit.data.examples import Example, Examples
from bertkit.errors import DataError

HEADLESS = "tags repaired: an entity that does not begin (I- without B-)"


def bare(**settings):
    return adapters.create("token-classification", settings)


def tagged(*rows):
    cells = [{"tokens": [f"w{place}" for place, _ in enumerate(row.split())], "tags": row.split()} for row in rows]
    return Examples("train.conll", [Example("train.conll", line, cell) for line, cell in enumerate(cells, 1)])


def spanned(*rows):
    return Examples(
        "train.jsonl",
        [Example("train.jsonl", line, {"text": text, "spans": spans}) for line, (text, spans) in enumerate(rows, 1)],
    )


@pytest.mark.parametrize(
    ("rows", "first", "repaired"),
    [
        (["B-PER I-PER O"], "B-PER I-PER O", {}),
        (["O I-PER", "B-LOC I-LOC", "O I-LOC"], "O B-PER", {HEADLESS: 2}),
        (["O I-PER I-PER B-PER", "I-LOC O"], "O B-PER I-PER B-PER", {"tags converted from IOB1 to IOB2": 2}),
        (["O S-PER", "B-LOC E-LOC", "E-LOC O"], "O B-PER", {
            "tags converted from IOBES to IOB2": 2,
            HEADLESS: 1,
        }),
        (["U-PER O"], "B-PER O", {"tags converted from BILOU to IOB2": 1}),
    ],
)  # fmt: skip
def test_mend_converts_and_counts_and_does_so_once(rows, first, repaired):
    found = bare().mend(tagged(*rows), "stop")
    assert found.rows[0].values["tags"] == first.split()
    assert found.repaired == repaired
    again = bare().mend(found, "stop")
    assert again.rows == found.rows
    assert again.repaired == repaired


def test_mend_names_the_first_place_of_each_repair():
    found = bare().mend(tagged("O S-PER", "E-LOC O", "E-LOC O"), "stop")
    assert found.first == {"tags converted from IOBES to IOB2": "train.conll:1", HEADLESS: "train.conll:2"}


@pytest.mark.parametrize("names", [["PER", "LOC"], ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]])
def test_mend_reads_numbers_as_positions_of_tags(names):
    found = bare(names=names).mend(tagged("1 2 0 3"), "stop")
    assert found.rows[0].values["tags"] == ["B-PER", "I-PER", "O", "B-LOC"]
    assert bare(names=names).learn_labels(found.rows).labels == ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")


def test_mend_refuses_a_column_of_other_tags():
    with pytest.raises(DataError) as error:
        bare().mend(tagged("NN VB", "DT NN O"), "skip")
    expected = (
        'train.conll, column of role "tags": its tags are not O, B-TYPE and I-TYPE; the first are "NN", "VB", "DT", "O"'
    )
    assert error.value.message == expected
    assert "--set columns.tags=NAME" in error.value.hint
    assert "--set adapter.labels=tags" in error.value.hint


def test_mend_refuses_or_leaves_out_rows_with_an_odd_tag():
    found = tagged("B-PER O", "O PERSON", "I-PER O B-LOC")
    with pytest.raises(DataError, match=r'^train\.conll:2, column of role "tags": "PERSON" is neither O nor B-TYPE'):
        bare().mend(found, "stop")
    left = bare().mend(found, "skip")
    assert left.dropped == {"a tag of no known form": 1}
    assert len(left.rows) == 2


def test_mend_brings_spans_into_one_form():
    found = bare().mend(spanned(("Ana left ", [[4, 9, "V"], [0, 3, "PER"]]), ("x", None), ("y", [])), "stop")
    assert [row.values["spans"] for row in found.rows] == [
        [{"start": 0, "end": 3, "type": "PER"}, {"start": 4, "end": 8, "type": "V"}],
        None,
        [],
    ]
    assert found.repaired == {"entities trimmed of the blanks around them": 1}
    assert [bare().is_unlabelled(row) for row in found.rows] == [False, True, False]
    assert bare().mend(found, "stop").rows == found.rows


def test_mend_refuses_or_leaves_out_spans_outside_the_text():
    found = spanned(("Ana left", [[0, 3, "PER"]]), ("Bo", [[0, 3, "PER"]]))
    with pytest.raises(DataError, match=r'^train\.jsonl:2, column of role "spans": an entity at 0 to 3 in a text of 2'):
        bare().mend(found, "stop")
    assert bare().mend(found, "skip").dropped == {"entities outside their text": 1}


def test_learn_labels_sorts_types_or_keeps_the_order_of_names(caplog):
    rows = tagged("B-PER I-PER O", "B-LOC O").rows
    assert bare().learn_labels(rows).labels == ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")
    names = ["PER", "LOC", "ORG"]
    assert bare(names=names).learn_labels(rows).labels[1::2] == ("B-PER", "B-LOC", "B-ORG")
    assert bare(names=["X"]).learn_labels(rows).labels[1::2] == ("B-LOC", "B-PER")


def test_learn_labels_needs_an_entity():
    with pytest.raises(DataError, match="no training row has an entity"):
        bare().learn_labels(tagged("O O").rows)


def test_check_labels_names_unknown_types():
    adapter = bare().learn_labels(tagged("B-PER O").rows)
    with pytest.raises(DataError, match=r'train\.conll:2: label "Per" .* did you mean "PER"'):
        adapter.check_labels(tagged("B-PER O", "B-Per O").rows)


def test_gold_has_characters_of_words_and_of_raw_text():
    words = Example("f", 1, {"tokens": ["In", "New", "York", "."], "tags": ["O", "B-LOC", "I-LOC", "O"]})
    text = Example("f", 1, {"text": "In New York.", "spans": [{"start": 3, "end": 11, "type": "LOC"}]})
    expected = [{"type": "LOC", "start": 3, "end": 11, "text": "New York"}]
    assert bare().gold(words) == bare().gold(text) == expected
    assert bare().lessons(text) == ["LOC"]
    assert bare().gold(tagged("O O").rows[0]) == []


def random_tags(rng, rows):
    """Legal IOB2 tags."""
    found = []
    for size in rng.integers(1, 15, size=rows):
        tags = ["O"]
        for tag in rng.choice(["O", "B-A", "I-A", "B-B", "I-B", "B-C"], size=size):
            tags.append(tag if tag[0] != "I" or tags[-1][1:] == tag[1:] else "O")
        found.append(" ".join(tags))
    return found


def test_scores_are_those_of_seqeval():
    seqeval = pytest.importorskip("seqeval.metrics", reason="needs pip install seqeval")
    rng = np.random.default_rng(0)
    gold, answers = tagged(*random_tags(rng, 80)).rows, []
    for row in gold:
        tags = row.values["tags"].copy()
        for place in rng.integers(0, len(tags), size=2):
            tags[place] = rng.choice(["O", "B-A", "B-B", "B-C"])
        (mended,) = bare().mend(Examples("f", [Example("f", 1, {**row.values, "tags": tags})]), "stop").rows
        answers.append(mended)
    adapter = bare().learn_labels(gold)
    records = [
        Record(adapter.gold(row), 1.0, {"words": Words.of(row).offsets.tolist(), "tags": row.values["tags"]})
        for row in answers
    ]
    pair = [row.values["tags"] for row in gold], [row.values["tags"] for row in answers]
    found = adapter.score(records, gold)
    assert 0.3 < found["f1"] < 0.95
    assert found == pytest.approx({
        "f1": seqeval.f1_score(*pair),
        "precision": seqeval.precision_score(*pair),
        "recall": seqeval.recall_score(*pair),
        "f1_macro": seqeval.f1_score(*pair, average="macro"),
        "accuracy": seqeval.accuracy_score(*pair),
    })  # fmt: skip
    report = seqeval.classification_report(*pair, output_dict=True)
    types, errors = adapter.report(records, gold)
    assert (types.title, types.header[0], types.header[-1]) == ("Per type", "type", "entities")
    for kind, *values in types.rows:
        assert values == pytest.approx(list(report[kind].values()))
    assert sum(count for kind, count in errors.rows if kind != "spurious") == report["micro avg"]["support"]
    drawn = np.array([0, 0, 5, 7, 7, 7])
    pair = [[side[row] for row in drawn] for side in pair]
    assert adapter.scorer(records, gold)(drawn)["f1"] == pytest.approx(seqeval.f1_score(*pair))


def test_scores_count_entities_that_no_answer_can_reach():
    adapter = bare().learn_labels(tagged("B-X O").rows)
    (row,) = spanned(("unbelievable news", [{"start": 2, "end": 9, "type": "X"}])).rows
    found = adapter.score([Record([], 1.0, {"tags": ["O", "O"], "words": [[0, 12], [13, 17]]})], [row])
    assert found["recall"] == 0
    assert found["accuracy"] == 0.5
