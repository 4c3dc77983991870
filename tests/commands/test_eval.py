import csv

import pytest

from tests.command_line import write_csv

pytest_plugins = ("tests.fixtures",)


@pytest.fixture
def errors(tmp_path):
    """Where the wrong answers of a test go, since the finished run is shared."""
    return tmp_path / "errors.csv"


def test_eval_shows_scores_intervals_and_errors(bertkit, finished, errors):
    done = bertkit("eval", "--run", finished, "--errors", errors)
    assert done.code == 0
    for text in ("accuracy", "95 % from", "Per class", "Confusion matrix", str(errors)):
        assert text in done.out
    with errors.open(encoding="utf-8", newline="") as stream:
        assert next(csv.reader(stream)) == ["row", "text", "gold", "answer", "score"]


def test_eval_defaults_to_the_newest_run(bertkit, finished, errors, monkeypatch):
    monkeypatch.setenv("BERTKIT_RUNS", str(finished.parent))
    done = bertkit("eval", "--errors", errors, "--json")
    assert done.document["data"]["run"] == finished.name


@pytest.mark.parametrize(("least", "code"), [("accuracy=0.05", 0), ("accuracy=1.01", 1), ("nonsense=0.5", 2), ("x", 2)])
def test_fail_under_is_a_gate(bertkit, finished, errors, least, code):
    assert bertkit("eval", "--run", finished, "--errors", errors, "--fail-under", least).code == code


def test_fail_under_that_failed_still_has_the_scores_in_json(bertkit, finished, errors):
    done = bertkit("eval", "--run", finished, "--errors", errors, "--fail-under", "accuracy=1.01", "--json")
    assert done.code == 1
    assert done.document["error"]["code"] == "GateError"
    assert 0 < done.document["data"]["scores"]["accuracy"] <= 1


def test_fail_under_refuses_a_score_that_is_no_number(bertkit, finished, errors, tmp_path):
    # With one class among the rows, the area under the curve is not defined.
    data = write_csv(tmp_path / "one.csv", [["text", "label"], ["a fine day", "good"], ["a great day", "good"]])
    arguments = ("eval", "--run", finished, "--data", data, "--errors", errors, "--json")
    assert bertkit(*arguments, "--fail-under", "roc_auc=0").code == 1
    assert bertkit(*arguments, "--overwrite").document["data"]["scores"]["roc_auc"] is None


def test_eval_of_other_column_names_and_another_delimiter(bertkit, finished, errors, tmp_path):
    data = tmp_path / "other.csv"
    data.write_text("stars;review\ngood;a lovely day\nbad;an awful day\n", encoding="utf-8")
    named = ("--text", "review", "--label", "stars", "--set", "data.delimiter=;")
    done = bertkit("eval", "--run", finished, "--data", data, "--errors", errors, *named, "--json")
    assert done.code == 0
    assert done.document["data"]["rows"] == 2


def test_eval_refuses_an_unknown_label_with_its_place(bertkit, finished, errors, tmp_path):
    data = write_csv(tmp_path / "test.csv", [["text", "label"], ["a fine day", "good"], ["a dull day", "Bad "]])
    done = bertkit("eval", "--run", finished, "--data", data, "--errors", errors)
    assert done.code == 2
    assert 'test.csv:3: label "Bad" (1 rows); did you mean "bad"?' in done.err
    assert not errors.exists()


def test_eval_keeps_an_existing_errors_file(bertkit, finished, errors):
    errors.write_text("mine")
    assert bertkit("eval", "--run", finished, "--errors", errors).code == 2
    assert errors.read_text() == "mine"
    assert bertkit("eval", "--run", finished, "--errors", errors, "--overwrite").code == 0
    assert errors.read_text() != "mine"


def test_eval_to_a_folder_that_is_not_there(bertkit, finished, tmp_path):
    done = bertkit("eval", "--run", finished, "--errors", tmp_path / "nowhere" / "errors.csv", "--json")
    assert (done.code, done.document["error"]["code"]) == (2, "UsageError")


def test_eval_changes_only_how_the_file_is_read(bertkit, finished):
    done = bertkit("eval", "--run", finished, "--set", "train.epochs=3")
    assert done.code == 2
    assert "the run decides everything but" in done.err


def test_eval_shows_the_ceiling_of_words(bertkit, finished_words, errors):
    done = bertkit("eval", "--run", finished_words, "--errors", errors)
    assert "ceiling" in done.out
    shown = bertkit("eval", "--run", finished_words, "--errors", errors, "--overwrite", "--json").document["data"]
    assert shown["ceiling"] == {"accuracy": 1}


def test_eval_of_whole_texts_has_no_ceiling(bertkit, finished, errors):
    done = bertkit("eval", "--run", finished, "--errors", errors)
    assert "ceiling" not in done.out
    assert (
        bertkit("eval", "--run", finished, "--errors", errors, "--overwrite", "--json").document["data"]["ceiling"]
        == {}
    )
