import numpy as np
import pytest

from bertkit import adapters
from bertkit.adapters._results import Record
from bertkit.data.examples import Example, Examples
from bertkit.errors import DataError


def bare(**settings):
    return adapters.create("token-classification", {"labels": "tags", **settings})


def tagged(*rows):
    cells = [{"tokens": [f"w{place}" for place, _ in enumerate(row.split())], "tags": row.split()} for row in rows]
    return Examples("ud.conllu", [Example("ud.conllu", line, cell) for line, cell in enumerate(cells, 1)])


def test_learn_labels_sorts_tags_and_remembers_the_most_frequent():
    adapter = bare().learn_labels(tagged("VERB NOUN", "NOUN DET").rows)
    assert adapter.labels == ("DET", "NOUN", "VERB")
    assert adapter.fitted == {"most_frequent": "NOUN"}
    assert adapter.metric == "accuracy"
    assert bare(names=["X", "VERB", "NOUN", "DET"]).learn_labels(tagged("VERB NOUN").rows).labels[0] == "X"


def test_learn_labels_needs_two_tags():
    with pytest.raises(DataError, match='the training rows have "NOUN"'):
        bare().learn_labels(tagged("NOUN NOUN").rows)


def test_mend_reads_numbers_as_positions_of_names():
    assert bare(names=["DET", "NOUN"]).mend(tagged("0 1"), "stop").rows[0].values["tags"] == ["DET", "NOUN"]


def test_mend_leaves_any_tag_as_it_is():
    found = bare().mend(tagged("I-X . B-Y"), "stop")
    assert found.rows[0].values["tags"] == ["I-X", ".", "B-Y"]
    assert bare().mend(found, "stop").rows == found.rows


def test_mend_refuses_a_column_that_is_no_tag():
    lemmas = tagged(*(f"lemma{number} lemma{number + 1}" for number in range(0, 400, 2)))
    with pytest.raises(DataError, match="400 different tags for 2 different words"):
        bare().mend(lemmas, "skip")


def test_mend_needs_split_words():
    with pytest.raises(DataError, match='column of role "tokens"'):
        bare().mend(Examples("a.jsonl", [Example("a.jsonl", 1, {"text": "a", "spans": []})]), "stop")


def test_check_labels_names_unknown_tags():
    adapter = bare().learn_labels(tagged("NOUN VERB").rows)
    with pytest.raises(DataError, match=r'ud\.conllu:2: label "NOUNS" .* did you mean "NOUN"'):
        adapter.check_labels(tagged("NOUN", "NOUNS VERB").rows)


def test_scores_are_those_of_scikit_learn():
    sklearn = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    gold = [rng.choice(["A", "B", "C"], size=size).tolist() for size in rng.integers(1, 9, size=30)]
    answers = [[tag if rng.random() < 0.6 else "B" for tag in row] for row in gold]
    rows = tagged(*map(" ".join, gold)).rows
    adapter = bare().learn_labels(rows)
    records = [Record(answer, 0.5, {"tags": answer}) for answer in answers]
    for drawn in (np.arange(30), np.array([1, 1, 4])):
        pair = [[tag for row in drawn for tag in side[row]] for side in (gold, answers)]
        found = adapter.scorer(records, rows)(drawn)
        assert found["accuracy"] == pytest.approx(sklearn.accuracy_score(*pair))
        assert found["f1_macro"] == pytest.approx(sklearn.f1_score(*pair, average="macro"))
    (grid,) = adapter.report(records, rows)
    assert [line[0] for line in grid.rows] == ["A", "B", "C"]
    assert sum(line[4] for line in grid.rows) == sum(map(len, gold))
    assert [adapter.severity(record, row) for record, row in zip(records, rows, strict=True)] == [
        None if one == other else 0.5 for one, other in zip(gold, answers, strict=True)
    ]
