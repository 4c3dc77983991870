import numpy as np
import pytest

from bertkit.adapters._encoder import Window
from bertkit.engine.side_by_side import side_by_side


@pytest.mark.parametrize(("count", "turns"), [(1, 1), (3, 3), (5, 5), (64, 5), (640, 10)])
def test_backends_take_turns_and_every_window_has_its_own_answer(count, turns):
    windows = [Window(row, np.array([row]), np.array([0])) for row in range(count)]
    found = side_by_side({name: lambda own: [one.input_ids for one in own] for name in ("one", "other")}, windows)
    for side in found.values():
        assert len(side.rates) == turns
        assert np.concatenate(side.logits).tolist() == list(range(count))
