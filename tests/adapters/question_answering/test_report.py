import numpy as np
import pytest

from bertkit.adapters._question_answering import report

OF_ANSWERS = {"answerable_exact_match", "answerable_f1"}
OF_NONE = {"unanswerable_accuracy"}


@pytest.mark.parametrize(
    ("golds", "further"),
    [
        ([["x"], ["b"]], OF_ANSWERS),
        ([[], []], OF_NONE),
        ([["x"], []], OF_ANSWERS | OF_NONE),
    ],
)
def test_scorer_leaves_out_metrics_without_rows(golds, further):
    scores = report.scorer(golds, ["x", ""], unanswerable=True)(np.arange(2))
    assert set(scores) == {"exact_match", "f1"} | further
    assert np.isfinite(list(scores.values())).all()
    assert set(report.scorer(golds, ["x", ""], unanswerable=False)(np.arange(2))) == {"exact_match", "f1"}


def test_scorer_of_a_draw_without_rows_of_a_kind_is_nan():
    scores = report.scorer([["x"], []], ["x", "x"], unanswerable=True)
    assert np.isnan(scores(np.array([0, 0]))["unanswerable_accuracy"])
    assert np.isnan(scores(np.array([1, 1]))["answerable_f1"])
    assert scores(np.array([1, 0])) == {
        "exact_match": 0.5, "f1": 0.5, "answerable_exact_match": 1, "answerable_f1": 1, "unanswerable_accuracy": 0,
    }  # fmt: skip


def test_tables_name_kinds_and_frequent_question_words():
    questions = ["Who?"] * 10 + ["And when?"] * 9 + ["Nobody"]
    golds = [["x"]] * 19 + [[]]
    kinds, words = report.tables(golds, ["x"] * 20, questions)
    assert kinds.rows == [["answerable", 19, 1.0, 1.0], ["unanswerable", 1, 0.0, 0.0]]
    assert words.rows == [["who", 10, 1.0, 1.0]]
    assert len(report.tables(golds[10:], ["x"] * 10, questions[10:])) == 1
