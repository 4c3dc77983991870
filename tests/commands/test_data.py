import pytest

from tests.command_line import write_csv, write_reviews

pytest_plugins = ("tests.fixtures",)


@pytest.fixture
def days(tmp_path):
    """A table with two rows of the same text."""
    rows = [["a fine day", "good"], ["some dull night", "bad"], ["great music", "good"], ["poor film", "bad"]]
    return write_csv(tmp_path / "days.csv", [["text", "label"], *rows, ["a fine day", "good"]])


def test_check_shows_findings_places_and_totals(bertkit, days):
    done = bertkit("data", "check", days, "--model", "none")
    assert done.code == 0
    assert "repeated texts" in done.out
    assert f'{days}:6 "a fine day" as {days}:2' in done.out
    assert done.out.rstrip().endswith("good, 1 warning, 0 errors")
    assert "Not checked: length" in done.err


def test_check_in_json_holds_everything(bertkit, days):
    data = bertkit("data", "check", days, "--model", "none", "--json").document["data"]
    assert data["rows"] == {"train": 5}
    assert data["totals"]["warning"] == 1
    found = {finding["check"]: finding for finding in data["findings"]}
    assert data["findings"][0]["check"] == "repeated texts"
    assert found["label balance"]["figures"] == {"labels": {"good": 3, "bad": 2}}
    assert len(data["skipped"]) == 1


@pytest.mark.parametrize(("level", "code"), [("warning", 1), ("error", 0), ("good", 2)])
def test_fail_on_is_a_gate(bertkit, days, level, code):
    assert bertkit("data", "check", days, "--model", "none", "--fail-on", level).code == code


def test_fail_on_that_failed_still_has_the_findings_in_json(bertkit, days):
    done = bertkit("data", "check", days, "--model", "none", "--fail-on", "warning", "--json")
    assert done.document["error"]["code"] == "GateError"
    assert done.document["data"]["totals"]["warning"] == 1


@pytest.mark.parametrize("task", ["sentiment", "ner", "qa", "similarity", "emotions", "pos", "qa-unanswerable"])
def test_check_finds_no_error_in_a_sample(bertkit, minilm_folder, task):
    done = bertkit("data", "check", task, "--data", "sample", "--model", minilm_folder, "--fail-on", "error", "--json")
    assert done.code == 0
    assert {"length", "unknown tokens"} <= {finding["check"] for finding in done.document["data"]["findings"]}


def test_check_of_a_folder_and_of_named_columns(bertkit, tmp_path):
    for name in ("train", "test"):
        write_reviews(tmp_path / f"{name}.csv")
    named = ("--text", "text", "--label", "label", "--model", "none", "--fail-on", "error", "--json")
    for rows in ([tmp_path], [tmp_path / "train.csv", "--test", tmp_path / "test.csv"]):
        found = bertkit("data", "check", *rows, *named)
        assert found.code == 1
        assert found.document["data"]["findings"][0]["check"] == "leaks: train and test"


def test_check_refuses_two_tables(bertkit, days):
    done = bertkit("data", "check", days, "--data", days)
    assert (done.code, "names another one" in done.err) == (2, True)


def test_check_of_what_does_not_exist(bertkit):
    assert bertkit("data", "check", "sentimant").code == 2


def test_control_characters_of_a_cell_never_reach_the_screen(bertkit, tmp_path):
    rows = [["\x1b[2J wiped", "a"], ["fine", "b"], ["\x1b[2J wiped", "a"]]
    table = write_csv(tmp_path / "odd.csv", [["text", "label"], *rows])
    done = bertkit("data", "check", table, "--text", "text", "--label", "label", "--model", "none")
    assert "wiped" in done.out
    assert "\x1b[2J" not in done.out
