import pytest
import torch

from bertkit.engine.layers.dropout import CheapDropout, mask, use_cheap_dropout


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_mask_drops_the_share_it_is_asked_to_and_keeps_the_mean(p):
    torch.manual_seed(0)
    drawn = mask(torch.Size((1000, 1001)), p)
    assert len(drawn.unique()) == 2
    assert (drawn == 0).float().mean().item() == pytest.approx(p, abs=0.002)
    assert drawn.mean().item() == pytest.approx(1, abs=0.02)


def test_mask_has_no_pattern_across_rows_and_columns():
    torch.manual_seed(0)
    dropped = (mask(torch.Size((512, 512)), 0.5) == 0).float() - 0.5
    for axis, shift in ((0, 1), (1, 1), (1, 2), (1, 3), (1, 4), (0, 2)):
        assert abs((dropped * dropped.roll(shift, axis)).mean().item()) < 0.002


def test_mask_comes_again_from_a_stored_state():
    state = torch.get_rng_state()
    first = mask(torch.Size((5, 7)), 0.3)
    other = mask(torch.Size((5, 7)), 0.3)
    torch.set_rng_state(state)
    assert torch.equal(mask(torch.Size((5, 7)), 0.3), first)
    assert not torch.equal(other, first)


def test_layers_drop_in_training_alone():
    network = torch.nn.Sequential(torch.nn.Dropout(0.5))
    use_cheap_dropout(network)
    assert isinstance(network[0], CheapDropout)
    ones = torch.ones(100, 100, requires_grad=True)
    found = network(ones)
    assert set(found.unique().tolist()) == {0.0, 2.0}
    found.sum().backward()
    assert torch.equal(ones.grad, found.detach())
    assert torch.equal(network.eval()(ones), ones)
