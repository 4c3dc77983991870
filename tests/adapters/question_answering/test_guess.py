import pytest

from bertkit.adapters._question_answering.guess import infer

CONTEXT = "Oslo in Norway"


def guess(*answers, given=None):
    rows = [{"question": "Where?", "context": CONTEXT, "answer": answer} for answer in answers]
    return infer(list(rows[0]), rows, given or {})


@pytest.mark.parametrize("given", [{"text": "context"}, {"label": "answer"}, {"tokens": "context", "tags": "answer"}])
def test_infer_leaves_tables_with_roles_of_other_task_types(given):
    assert guess("Oslo", "Norway", given=given) is None


def test_infer_keeps_given_roles():
    found = guess("Oslo", given={"context": "context", "title": "question"})
    assert found is None
    found = guess("Oslo", given={"answers": "answer"})
    assert found.columns == {"question": "question", "context": "context", "answers": "answer"}


@pytest.mark.parametrize("empty", ["", " ", [], "[]", {"text": []}, [""]])
def test_infer_takes_an_empty_answer_for_none(empty):
    found = guess("Oslo", empty, "Norway")
    assert found.settings == {"unanswerable": True}
    assert "1 of 3 rows have no answer" in found.because[-1]


def test_infer_passes_over_rows_without_a_label():
    found = guess("Oslo", None, None, None)
    assert found.settings == {}
    assert len(found.because) == 2
    assert guess("Oslo", "Bergen", None, None) is None


@pytest.mark.parametrize("answers", [(None, None), ("", ""), ("Bergen", "yes")])
def test_infer_needs_answers_that_stand_in_their_context(answers):
    assert guess(*answers) is None
