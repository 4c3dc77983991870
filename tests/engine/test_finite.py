import math

import numpy as np
import pytest

from bertkit.adapters._encoder import Window
from bertkit.engine.finite import SKIPPED_IN_A_ROW, FiniteSteps, check_weights
from bertkit.errors import DivergedError

IDS = np.zeros(2, np.int32)
WINDOWS = [Window(row, IDS, IDS) for row in (3, 3, 5)]


@pytest.fixture
def steps():
    return FiniteSteps(lambda window: f"train.csv:{window.row}")


@pytest.mark.parametrize(
    ("loss", "norm", "said"), [(math.nan, 1.0, "its loss is nan"), (0.5, math.inf, "its gradient is inf")]
)
def test_step_is_refused_with_its_rows(steps, loss, norm, said):
    steps.check(6, WINDOWS, 0.5, 1.0, None)
    rows = "train.csv:3, train.csv:5"
    with pytest.raises(DivergedError, match=f"step 7 was not taken: {said}. Its rows: {rows}") as error:
        steps.check(7, WINDOWS, loss, norm, None)
    assert error.value.exit_code == 1
    assert "train.learning_rate" in error.value.hint


def test_scaler_may_skip_some_steps_but_not_go_on_so(steps):
    for step in range(10):
        steps.check(step, WINDOWS, 0.5, math.inf, 1024.0)
    for _ in range(SKIPPED_IN_A_ROW - 1):
        steps.check(11, WINDOWS, math.nan, math.nan, 1024.0)
    steps.check(12, WINDOWS, 0.5, 1.0, 1024.0)
    for _ in range(SKIPPED_IN_A_ROW - 1):
        steps.check(13, WINDOWS, 0.5, math.nan, 0.5)
    with pytest.raises(DivergedError):
        steps.check(13, WINDOWS, 0.5, math.nan, 0.5)


def test_many_rows_are_counted(steps):
    many = [Window(row, IDS, IDS) for row in range(20)]
    with pytest.raises(DivergedError, match=r"train\.csv:4 and 15 more$"):
        steps.check(1, many, math.nan, 1.0, None)


def test_weight_that_is_not_finite_is_named():
    import torch

    layer = torch.nn.Linear(2, 2)
    check_weights(layer, 3)
    layer.bias.data[1] = math.inf
    with pytest.raises(DivergedError, match="after step 3, bias holds"):
        check_weights(layer, 3)
