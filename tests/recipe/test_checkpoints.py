import pytest

from bertkit.errors import ModelError
from bertkit.recipe.checkpoints import known, repository, suggestion


def test_known_lists_sizes_from_small_to_large():
    sizes = [row for row in known() if row.name in {"tiny", "mini", "small", "medium", "base", "large"}]
    assert [row.name for row in sizes] == ["tiny", "mini", "small", "medium", "base", "large"]
    assert sizes == sorted(sizes, key=lambda row: row.parameters)


def test_known_names_are_unique_and_every_repository_has_an_owner():
    rows = known()
    assert len({row.name.casefold() for row in rows}) == len(rows)
    assert len({row.repository.casefold() for row in rows}) == len(rows)
    assert all(row.repository.count("/") == 1 for row in rows)
    assert all(row.hidden % row.heads == 0 for row in rows)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("tiny", "google/bert_uncased_L-2_H-128_A-2"),
        ("base", "google-bert/bert-base-uncased"),
        ("bert-base-uncased", "google-bert/bert-base-uncased"),
        ("roberta-base", "FacebookAI/roberta-base"),
        ("modernbert-base", "answerdotai/ModernBERT-base"),
        ("minilm", "sentence-transformers/all-MiniLM-L6-v2"),
        ("someone/their-bert", "someone/their-bert"),
    ],
)
def test_repository_maps_short_names_and_keeps_full_ones(name, expected):
    assert repository(name) == expected


def test_repository_unknown_short_name_offers_the_nearest():
    with pytest.raises(ModelError, match="'bert-base-uncasd'") as error:
        repository("bert-base-uncasd")
    assert "bert-base-uncased" in error.value.hint


@pytest.mark.parametrize(
    ("name", "expected"),
    [("google-bert/bert-base-uncase", "google-bert/bert-base-uncased"), ("%%%", "bertkit models")],
)
def test_suggestion_names_what_to_type(name, expected):
    assert expected in suggestion(name)
