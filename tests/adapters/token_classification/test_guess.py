import pytest

from bertkit.adapters._token_classification.guess import infer

SENTENCE = {"id": "1", "tokens": ["Ana", "sleeps"], "ner_tags": ["B-PER", "O"], "pos_tags": ["PROPN", "VERB"]}


def guess(*rows, given=None):
    return infer(list(rows[0]), rows, given or {})


def test_infer_finds_words_and_tags():
    found = guess(SENTENCE)
    assert found.columns == {"tokens": "tokens", "tags": "ner_tags"}
    assert found.settings == {}
    assert found.encode["truncate"] == "windows"
    assert found.confidence > 0.5


@pytest.mark.parametrize("given", [{"tags": "pos_tags"}, {"tokens": "tokens", "tags": "pos_tags"}])
def test_infer_keeps_given_roles_and_sees_free_tags(given):
    found = guess(SENTENCE, given=given)
    assert found.columns == {"tokens": "tokens", "tags": "pos_tags"}
    assert found.settings == {"labels": "tags"}


def test_infer_takes_grammar_where_there_are_no_entities():
    assert guess({"tokens": ["Ana", "sleeps"], "upos": ["PROPN", "VERB"]}).settings == {"labels": "tags"}


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("label", [[0, 3, "PER"]]),
        ("entities", '[{"start": 0, "end": 3, "label": "PER"}]'),
        ("annotations", [{"result": [{"value": {"start": 0, "end": 3, "labels": ["PER"]}}]}]),
    ],
)
def test_infer_finds_texts_with_spans(column, cell):
    found = guess({"text": "Ana sleeps", column: cell}, {"text": "So does Bo", column: []})
    assert found.columns == {"text": "text", "spans": column}
    assert found.settings == {}


@pytest.mark.parametrize(
    ("row", "given"),
    [
        ({"text": "a fine film", "label": "good"}, {}),
        ({"text": "a fine film", "label": "1"}, {}),
        ({"text": "a fine film", "labels": ["good", "long"]}, {}),
        ({"text": "a fine film", "labels": []}, {}),
        ({"text": "a fine film", "label": "good"}, {"text": "text", "label": "label"}),
        ({"words": "a fine film", "labels": "good"}, {}),
        ({"words": "film", "labels": "good"}, {}),
        ({"sentence": "a fine film", "tags": "good long dull"}, {}),
        (SENTENCE, {"text": "tokens", "label": "ner_tags"}),
    ],
)
def test_infer_leaves_tables_of_classes_alone(row, given):
    assert guess(row, given=given) is None


def test_infer_needs_rows():
    assert infer(["tokens", "tags"], [], {}) is None
