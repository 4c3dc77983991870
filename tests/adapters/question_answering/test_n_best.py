import json

import numpy as np
import pytest

from bertkit.adapters._question_answering.contexts import Field
from bertkit.adapters._question_answering.n_best import NBest, Ranking
from bertkit.adapters._question_answering.spans import Stretches

ANSWERS = [
    {"text": "奥斯陆", "start": 6, "end": 9, "score": pytest.approx(0.75)},
    {"text": "挪威", "start": 0, "end": 2, "score": pytest.approx(0.25)},
]


def answers(first=6):
    """A text of three tokens, of which the first and the last may be answers."""
    starts = np.log(np.array([0.25, 0, 0.75], np.float32), where=[True, False, True], out=np.full(3, -np.inf, "f4"))
    one = np.array([0])
    runs = Stretches(starts, np.zeros(3, np.float32), one, np.array([3]), one, one)
    legal = np.array([[0, 2], [2, 6], [first, 9]], np.int32)
    return NBest(Ranking(Field(runs, legal, np.array([-np.inf]), ["挪威的首都是奥斯陆。"]), 1, 20), 0)


def test_n_best_is_a_list_of_answers():
    assert len(answers()) == 2
    assert list(answers()) == ANSWERS
    assert json.loads(json.dumps(list(answers()))) == ANSWERS
    assert [answers()[0], answers()[-1], answers()[:1]] == [ANSWERS[0], ANSWERS[1], ANSWERS[:1]]
    with pytest.raises(IndexError):
        answers()[2]


def test_n_best_equals_what_holds_the_same():
    assert answers() == answers()
    assert answers() == ANSWERS
    assert answers() != answers(first=7)
