import json

import pytest

from tests.command_line import write_csv

pytest_plugins = ("tests.fixtures",)


@pytest.fixture
def table(tmp_path):
    """Rows without labels, one of them without text."""
    rows = [["id", "text"], ["007", "a great day"], ["NA", ""], ["1e5", "a dull day"]]
    return write_csv(tmp_path / "days.csv", rows)


def test_predict_writes_beside_the_input_and_shows_the_first_rows(bertkit, finished, table):
    done = bertkit("predict", table, "--run", finished)
    assert done.code == 0
    output = table.with_name("days.predicted.csv")
    assert f"3 rows written to {output}" in done.out
    assert "007" in done.out
    assert "Warning: 1 rows have no text: their answer is empty." in done.err
    assert output.read_text().splitlines()[0] == "id,text,answer,score"


def test_predict_json_names_the_output_and_what_was_added(bertkit, finished, table):
    data = bertkit("predict", table, "--run", finished, "--all-scores", "--json").document["data"]
    assert data["added"] == ["answer", "score", "score_bad", "score_good"]
    assert (data["rows"], data["empty"], data["rejected"]) == (3, 1, 0)
    assert data["output"] == str(table.with_name("days.predicted.csv"))


@pytest.mark.parametrize("output", [("-o", "-"), ()])
def test_predict_json_and_rows_cannot_share_stdout(bertkit, finished, table, output):
    source = table if output else "-"
    done = bertkit("predict", source, "--run", finished, *output, "--json")
    assert (done.code, done.document["error"]["code"]) == (2, "UsageError")


def test_predict_compares_where_there_are_labels(bertkit, finished, reviews, tmp_path):
    done = bertkit("predict", reviews, "--run", finished, "-o", tmp_path / "out.csv")
    assert done.code == 0
    assert "The input has labels; on 72 rows: accuracy 0.9" in done.err


def test_predict_of_other_column_names(bertkit, finished, tmp_path):
    table = write_csv(tmp_path / "days.csv", [["review"], ["a great day"]])
    missing = bertkit("predict", table, "--run", finished)
    assert missing.code == 2
    assert 'no column "text"' in missing.err
    assert bertkit("predict", table, "--run", finished, "--text", "review").code == 0


def test_predict_passes_over_bad_rows_where_asked(bertkit, finished, tmp_path):
    table = tmp_path / "days.csv"
    table.write_text("id,text\n1,a great day\n2,a dull,grey day\n3,a dull day\n", encoding="utf-8")
    assert bertkit("predict", table, "--run", finished).code == 2
    done = bertkit("predict", table, "--run", finished, "--set", "data.on_bad_row=skip", "--json")
    assert done.code == 0
    assert (done.document["data"]["rows"], done.document["data"]["rejected"]) == (2, 1)
    assert "days.csv:3" in done.document["warnings"][0]


def test_predict_without_a_table_answers_one_row(bertkit, finished, tmp_path):
    (tmp_path / "day.txt").write_text("a lovely day", encoding="utf-8")
    named = bertkit("predict", "--with", "text=a lovely day", "--run", finished, "--json").document["data"]
    read = bertkit("predict", "--with", f"text=@{tmp_path / 'day.txt'}", "--run", finished, "--json").document["data"]
    assert named == read
    assert named["answer"] == "good"
    shown = bertkit("predict", "--with", "text=a lovely day", "--run", finished, "--all-scores")
    assert "score_bad" in shown.out


def test_predict_of_one_row_has_the_numbers_of_a_table(bertkit, finished, tmp_path):
    table = write_csv(tmp_path / "days.csv", [["text"], ["a lovely day"]])
    assert bertkit("predict", table, "--run", finished, "-o", tmp_path / "days.jsonl", "--all-scores").code == 0
    row = json.loads((tmp_path / "days.jsonl").read_text())
    one = bertkit("predict", "--with", "text=a lovely day", "--run", finished, "--all-scores", "--json")
    assert {"text": "a lovely day"} | one.document["data"] == row


def test_predict_of_one_row_shows_a_list_as_words(bertkit, finished_words):
    arguments = "predict", "--with", "tokens=a lovely day", "--run", finished_words
    answer = bertkit(*arguments, "--json").document["data"]["answer"]
    assert len(answer) == 3
    assert " ".join(answer) in bertkit(*arguments).out


def test_predict_of_one_row_shows_nothing_where_there_is_no_score(bertkit, tiny, tmp_path):
    table = write_csv(tmp_path / "train.csv", [["text", "label"], *([f"day {n}", str(n / 4)] for n in range(24))])
    overrides = "adapter.labels=number", "train.epochs=1", "data.validation_fraction=0.25"
    settings = [part for override in overrides for part in ("--set", override)]
    columns = "--text", "text", "--label", "label"
    trained = bertkit("finetune", "--data", table, "--model", tiny, *columns, "-o", tmp_path / "run", *settings)
    assert trained.code == 0, trained.err
    arguments = "predict", "--with", "text=day 3", "--run", tmp_path / "run"
    assert bertkit(*arguments, "--json").document["data"]["score"] is None
    assert "None" not in bertkit(*arguments).out


def test_predict_with_an_unknown_role_is_refused(bertkit, finished_pair, tmp_path):
    rows = write_csv(tmp_path / "rows.csv", [["one", "two"], ["a day", "b day"]])
    done = bertkit("predict", rows, "--run", finished_pair, "--with", "contxt=foo")
    assert done.code == 2
    assert 'no column of role "contxt"; it has: text, text_pair, label' in done.err


def test_predict_with_a_text_that_all_rows_share(bertkit, finished_pair, tmp_path):
    rows = write_csv(tmp_path / "rows.csv", [["one", "two"], ["a day", "b day"], ["c day", "b day"]])
    half = write_csv(tmp_path / "half.csv", [["one"], ["a day"], ["c day"]])
    assert bertkit("predict", rows, "--run", finished_pair).code == 0
    assert bertkit("predict", half, "--run", finished_pair, "--with", "text_pair=b day").code == 0
    whole, shared = ((tmp_path / f"{name}.predicted.csv").read_text().splitlines() for name in ("rows", "half"))
    assert shared[0] == "one,answer,score"
    assert [line.replace("b day,", "") for line in whole[1:]] == shared[1:]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "predict needs a table, or one row"),
        (["--with", "text"], "is not of the form ROLE=TEXT"),
        (["--with", "text=@nothing.txt"], "the file cannot be read"),
        (["--with", "question=why"], "its roles are question; this run answers text\nTry: --with text=TEXT\n"),
        (["--with", "text=a day", "-o", "out.csv"], "predict needs a table, or one row"),
    ],
)
def test_predict_of_one_row_refuses(bertkit, finished, arguments, told):
    done = bertkit("predict", *arguments, "--run", finished)
    assert done.code == 2
    assert told in done.err
