import pytest
import torch

from bertkit.engine import layers
from bertkit.engine.layers.linear import OneDnnLinear, is_faster, use_onednn

SHAPES = [((64, 96), 128), ((3, 50, 96), 128), ((8, 40, 96), 384)]


@pytest.fixture(autouse=True)
def everything_by_onednn(monkeypatch):
    monkeypatch.setattr("bertkit.engine.layers.linear.FEWEST", 0)


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="this torch has no oneDNN")
@pytest.mark.parametrize(("shape", "out"), SHAPES)
@pytest.mark.parametrize("bias", [True, False])
def test_product_and_gradients_are_those_of_torch(shape, out, bias):
    torch.manual_seed(0)
    plain = torch.nn.Linear(shape[-1], out, bias=bias)
    network = torch.nn.Sequential(torch.nn.Linear(shape[-1], out, bias=bias))
    network[0].load_state_dict(plain.state_dict())
    use_onednn(network)
    assert isinstance(network[0], OneDnnLinear)
    given = torch.randn(shape, requires_grad=True)
    outer = torch.randn(*shape[:-1], out)
    wanted, found = (
        torch.autograd.grad((one(given) * outer).sum(), [given, *one.parameters()]) for one in (plain, network)
    )
    torch.testing.assert_close(network(given), plain(given))
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-4)


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="this torch has no oneDNN")
def test_rows_cut_out_of_a_batch_are_multiplied_as_they_lie():
    network = torch.nn.Sequential(torch.nn.Linear(96, 64))
    plain = torch.nn.Linear(96, 64)
    plain.load_state_dict(network[0].state_dict())
    use_onednn(network)
    given = torch.randn(9, 30, 96)[:, :1]
    torch.testing.assert_close(network(given), plain(given))


def test_only_cpus_have_a_choice():
    assert layers.fastest_linear("cuda") == "torch"
    assert layers.fastest_linear("cpu") == ("onednn" if is_faster() else "torch")
