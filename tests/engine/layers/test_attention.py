import pytest
import torch
from torch.nn import functional

from bertkit.engine.layers import dropout
from bertkit.engine.layers.attention import attend

SHAPE = (3, 2, 7, 4)


@pytest.fixture
def states():
    """Query, key and value of seven tokens."""
    torch.manual_seed(0)
    return [torch.randn(SHAPE, requires_grad=True) for _ in range(3)]


@pytest.mark.parametrize("kind", ["none", "bool", "float"])
@pytest.mark.parametrize("scaling", [None, 0.3])
def test_attention_without_a_dropped_key_is_that_of_torch(states, kind, scaling, monkeypatch):
    monkeypatch.setattr(dropout, "mask", lambda shape, p: torch.ones(shape))
    seen = torch.arange(7) < torch.tensor([7, 5, 3])[:, None, None, None]
    mask = {"none": None, "bool": seen, "float": torch.where(seen, 0.0, torch.finfo(torch.float32).min)}[kind]
    wanted = functional.scaled_dot_product_attention(*states, attn_mask=mask, scale=scaling)
    found = attend(*states, mask, dropout=0.1, scaling=scaling)
    torch.testing.assert_close(found, wanted)
    gradients = [torch.autograd.grad(one.square().sum(), states) for one in (found, wanted)]
    torch.testing.assert_close(*gradients)


def test_attention_drops_keys_and_keeps_the_mean(states):
    query, key, _ = (state.detach() for state in states)
    ones = torch.ones(SHAPE)
    torch.manual_seed(1)
    found = torch.stack([attend(query, key, ones, None, dropout=0.3) for _ in range(2000)])
    assert found.std(0).min() > 0.05
    assert found.mean(0).sub(1).abs().max() < 0.06


def test_attention_without_dropout_is_not_random(states):
    first, second = (attend(*states, None) for _ in range(2))
    assert torch.equal(first, second)
