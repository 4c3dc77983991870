from bertkit.engine import unchanged

BEFORE = {
    "train.seed": 42,
    "model": "a/b",
    "the training rows": "1",
    "the tokens of the training rows": "2",
    "the tokens of the validation rows": "3",
    "the version of torch": "2.13",
    "threads": 2,
}


def test_nothing_is_different():
    assert unchanged.differences(BEFORE, dict(BEFORE)) == []
    assert unchanged.sentence([]) == ""


def test_differences_are_told_by_name_with_both_values():
    now = BEFORE | {"train.seed": 43, "the version of torch": "2.14", "train.extra.optim": "sgd"}
    found = unchanged.differences(BEFORE, now)
    assert unchanged.sentence(found) == (
        'train.seed was 42 and is 43; the version of torch was "2.13" and is "2.14"; '
        'train.extra.optim was not set and is "sgd"'
    )
    assert all(map(unchanged.can_change, found))


def test_tokens_are_told_where_the_rows_are_the_same():
    now = BEFORE | dict.fromkeys(list(BEFORE)[2:5], "other")
    found = unchanged.differences(BEFORE, now)
    assert unchanged.sentence(found) == "the training rows have changed; the tokens of the validation rows have changed"


def test_another_model_can_never_be_taken():
    (change,) = unchanged.differences(BEFORE, BEFORE | {"model": "c/d"})
    assert not unchanged.can_change(change)


def test_values_of_the_recipe_are_told_from_other_changes():
    assert unchanged.in_recipe(BEFORE, BEFORE | {"train.seed": 43})
    assert not unchanged.in_recipe(BEFORE, BEFORE | {"the training rows": "other"})
