import csv
import json
import shutil

import pytest

import bertkit
from bertkit.data.tables import open_table
from bertkit.engine import load, sealed
from bertkit.engine.evaluate import own_rows, write_mistakes
from bertkit.errors import DataError, RunError, UsageError
from tests.command_line import write_csv, write_reviews

pytest_plugins = ("tests.fixtures",)


@pytest.fixture(scope="module")
def evaluation(finished):
    """The finished run on its own validation rows."""
    return bertkit.evaluate(finished)


@pytest.fixture
def moved(finished, reviews, tmp_path):
    """A copy of the finished run whose training file may be changed."""
    data = shutil.copy(reviews, tmp_path / "train.csv")
    folder = tmp_path / "copy"
    shutil.copytree(finished, folder)
    info = sealed.read(folder / "run.json")
    info["recipe"]["data"]["train"] = str(data)
    sealed.write(folder / "run.json", info)
    return folder, data


def test_evaluate_answers_as_predict_does(finished, reviews, tmp_path):
    predictor = bertkit.load_run(finished)
    records = predictor.answer(load.file(str(reviews), predictor.run.recipe, predictor.adapter).rows)
    done = bertkit.predict(reviews, tmp_path / "out.csv", run=finished, all_scores=True)
    with open_table(done.output) as table:
        rows = [row.values for row in table]
    assert [row["answer"] for row in rows] == [record.answer for record in records]
    for label in ("bad", "good"):
        assert [float(row[f"score_{label}"]) for row in rows] == [round(r.detail[label], 6) for r in records]
    assert bertkit.evaluate(finished, data=str(reviews)).scores == done.scores


def test_evaluate_mistakes_are_the_wrong_rows_of_predict(finished, reviews, tmp_path):
    mistakes = bertkit.evaluate(finished, data=str(reviews)).mistakes
    done = bertkit.predict(reviews, tmp_path / "out.csv", run=finished)
    with open_table(done.output) as table:
        wrong = {row.line: row.values for row in table if row.values["answer"] != row.values["label"]}
    assert wrong
    found = {mistake.row: mistake for mistake in mistakes}
    assert set(found) == set(wrong)
    for line, row in wrong.items():
        expected = (row["text"], row["label"], row["answer"], float(row["score"]))
        got = found[line]
        assert (got.text, got.gold, got.answer, round(got.score, 6)) == expected


def test_evaluate_intervals_contain_the_score(evaluation):
    assert {"accuracy", "f1_macro", "mcc", "roc_auc"} <= set(evaluation.scores)
    for name, value in evaluation.scores.items():
        low, high = evaluation.intervals[name]
        assert low <= value <= high
    assert evaluation.intervals["accuracy"][0] < evaluation.intervals["accuracy"][1]


def test_evaluate_finds_the_held_out_rows_again(evaluation, finished, reviews):
    info = json.loads((finished / "run.json").read_text(encoding="utf-8"))
    assert evaluation.scores == pytest.approx(info["scores"]["validation"], nan_ok=True)
    assert (evaluation.rows, evaluation.source) == (24, str(reviews))
    with reviews.open(encoding="utf-8", newline="") as stream:
        lines = list(csv.DictReader(stream))
    rows, on_validation = own_rows(bertkit.load_run(finished).run)
    assert on_validation
    held = info["data"]["held_out"]
    assert [row.values["text"] for row in rows.rows] == [lines[position]["text"] for position in held]


def test_evaluate_of_changed_training_rows_is_refused(moved):
    folder, data = moved
    assert bertkit.evaluate(folder).rows == 24
    lines = data.read_text(encoding="utf-8").splitlines()
    held = json.loads((folder / "run.json").read_text(encoding="utf-8"))["data"]["held_out"]
    lines[held[0] + 1] = "another day,good"
    data.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(RunError, match=r"train\.csv: the rows .* have changed since training"):
        bertkit.evaluate(folder)


def test_evaluate_of_missing_training_rows_names_the_file(moved):
    folder, data = moved
    data.unlink()
    with pytest.raises(DataError, match=r"no file .*train\.csv"):
        bertkit.evaluate(folder)


def test_evaluate_prefers_the_test_file_of_the_run(moved, tmp_path):
    folder, _ = moved
    info = sealed.read(folder / "run.json")
    info["recipe"]["data"]["test"] = str(write_reviews(tmp_path / "test.csv", rows=10))
    sealed.write(folder / "run.json", info)
    found = bertkit.evaluate(folder)
    assert (found.rows, found.tuned_on_these) == (10, False)


def test_evaluate_of_other_column_names(finished, tmp_path):
    data = write_csv(tmp_path / "other.csv", [["review", "stars"], ["a fine day", "good"], ["a dull day", "bad"]])
    columns = {"text": "review", "label": "stars"}
    assert bertkit.evaluate(finished, data=str(data), columns=columns).scores["accuracy"] == 1
    with pytest.raises(DataError, match='no column "text"'):
        bertkit.evaluate(finished, data=str(data))


def test_evaluate_of_an_unknown_label_names_the_line_and_the_nearest(finished, tmp_path):
    data = write_csv(tmp_path / "test.csv", [["text", "label"], ["a fine day", "good"], ["a dull day", "goood"]])
    with pytest.raises(DataError, match=r'test\.csv:3: label "goood" \(1 rows\); did you mean "good"'):
        bertkit.evaluate(finished, data=str(data))


def test_evaluate_leaves_out_rows_without_text_or_label(finished, tmp_path):
    lines = [["text", "label"], ["a fine day", "good"], ["", "bad"], ["a dull day", ""], ["a dull day", "bad"]]
    assert bertkit.evaluate(finished, data=str(write_csv(tmp_path / "gaps.csv", lines))).rows == 2


def test_evaluate_of_pairs_shows_both_texts(finished_pair, tmp_path):
    lines = [["one", "two", "same"], ["a day", "b day", "0"], ["a day", "b day", "1"]]
    found = bertkit.evaluate(finished_pair, data=str(write_csv(tmp_path / "pairs.csv", lines)))
    assert [mistake.text for mistake in found.mistakes] == ["a day | b day"]


def test_write_mistakes_is_sorted_by_confidence(finished, reviews, tmp_path):
    found = bertkit.evaluate(finished, data=str(reviews))
    write_mistakes(tmp_path / "errors.csv", found.mistakes)
    with (tmp_path / "errors.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    scores = [float(row["score"]) for row in rows]
    assert len(rows) == len(found.mistakes) > 1
    assert scores == sorted(scores, reverse=True)
    assert list(tmp_path.iterdir()) == [tmp_path / "errors.csv"]


def test_evaluate_adds_the_metrics_that_the_recipe_names(tiny, reviews, tmp_path):
    run = bertkit.finetune(
        model=str(tiny),
        data=str(reviews),
        columns={"text": "text", "label": "label"},
        overrides=['metrics=["evaluate:accuracy", "evaluate:f1"]', "train.epochs=1"],
        output=str(tmp_path / "run"),
    )
    scores = bertkit.evaluate(run.folder).scores
    assert scores["evaluate:accuracy"] == pytest.approx(scores["accuracy"])
    assert 0 <= scores["evaluate:f1"] <= 1


def test_evaluate_refuses_columns_without_a_file(finished):
    with pytest.raises(UsageError, match="for a file of your own"):
        bertkit.evaluate(finished, columns={"text": "other"})


def test_evaluate_warns_of_the_rows_it_was_trained_on(finished, reviews, tmp_path, caplog):
    bertkit.evaluate(finished, data=str(reviews))
    assert "is the file this run was trained on" in caplog.text
    caplog.clear()
    bertkit.evaluate(finished, data=str(shutil.copy(reviews, tmp_path / "other.csv")))
    assert not caplog.text
