import numpy as np
import pytest

from bertkit import adapters
from bertkit.adapters._encoder import Window
from bertkit.engine.backends import Backend
from bertkit.engine.backends.torch import Torch
from bertkit.engine.forward import Forward
from bertkit.engine.predictor import load_run

pytest_plugins = ("tests.fixtures",)


class Echo(Backend):
    """Gives each token its own id, and remembers the batches."""

    exact = True
    inputs = frozenset({"input_ids", "attention_mask"})
    budget = 8

    def __init__(self):
        self.batches = []

    @classmethod
    def check(cls):
        pass

    @classmethod
    def open(cls, folder, adapter):
        return cls()

    def __call__(self, inputs):
        self.batches.append(inputs)
        return inputs["input_ids"][..., None].astype(np.float32)


def windows(*ids, segment=0):
    return [Window(row, np.array(own, np.int32), np.full(len(own), segment, np.int32)) for row, own in enumerate(ids)]


@pytest.fixture
def echo():
    return Echo()


@pytest.fixture
def forward(echo):
    return Forward(echo, adapters.create("token-classification", {}), pad_id=0)


def test_forward_gives_logits_in_the_order_of_the_windows_without_padding(forward):
    asked = windows([5], [1, 2, 3], [7, 8])
    assert [own[:, 0].tolist() for own in forward(asked)] == [[5], [1, 2, 3], [7, 8]]


def test_forward_fills_batches_up_to_the_budget_of_the_backend(forward, echo):
    forward(windows([1] * 4, [2] * 4, [3] * 4))
    assert [batch["input_ids"].shape for batch in echo.batches] == [(2, 4), (1, 4)]


def test_forward_passes_only_what_the_backend_takes(forward, echo):
    forward(windows([1, 2]))
    assert echo.batches[0].keys() == echo.inputs


def test_forward_computes_equal_windows_once(forward, echo):
    told = []
    answers = forward(windows([1, 2], [3], [1, 2]), lambda phase, done, total: told.append((done, total)))
    assert sum(len(batch["input_ids"]) for batch in echo.batches) == 2
    assert [own[:, 0].tolist() for own in answers] == [[1, 2], [3], [1, 2]]
    assert told[-1] == (2, 2)


def test_forward_tells_windows_apart_by_their_segments(forward, echo):
    forward(windows([1, 2]) + windows([1, 2], segment=1))
    assert sum(len(batch["input_ids"]) for batch in echo.batches) == 2


@pytest.fixture
def torch_backend(finished):
    return load_run(finished, backend="torch").forward.backend


def test_torch_gets_a_mask_only_where_something_is_padded(torch_backend):
    seen = []
    torch_backend.model.register_forward_pre_hook(lambda _, args, inputs: seen.append(set(inputs)), with_kwargs=True)
    forward = Forward(torch_backend, torch_backend.adapter, pad_id=0)
    even, uneven = windows([2, 5, 3], [2, 6, 3]), windows([2, 5, 3], [2, 3])
    for batch in (even, uneven):
        forward(batch)
    assert seen == [{"input_ids", "token_type_ids"}, {"input_ids", "token_type_ids", "attention_mask"}]
    together, alone = forward(uneven), [forward([window])[0] for window in uneven]
    assert np.array(together) == pytest.approx(np.array(alone), abs=1e-5)


def test_torch_leaves_a_training_as_it_was_and_answers_without_dropout(torch_backend):
    ids = {"input_ids": np.array([[2, 5, 3]]), "attention_mask": np.ones((1, 3), np.int64)}
    still = torch_backend(ids)
    training = Torch(torch_backend.model.train(), torch_backend.adapter)
    assert np.array_equal(training(ids), still)
    assert all(module.training for module in torch_backend.model.modules())
