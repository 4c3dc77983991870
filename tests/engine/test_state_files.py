import json
import math

import pytest

from bertkit.engine import state_files


def test_nested_values_come_back_as_they_were(tmp_path):
    import torch

    value = {
        0: {"step": torch.tensor(3.0), "average": torch.arange(6, dtype=torch.float64).reshape(2, 3).T},
        "groups": [{"betas": (0.9, 0.999), "maximize": False, "foreach": None, "rate": 0.1 + 0.2}],
        "tensor": {"dict": [("tuple", ())], "tensor": "a text"},
        "half": torch.tensor([1.5, math.inf], dtype=torch.bfloat16),
        "infinite": -math.inf,
        (1, "two"): [],
    }
    state_files.write(tmp_path, "state", value)
    found = state_files.read(tmp_path, "state")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["state.json", "state.safetensors"]
    assert torch.equal(found[0]["average"], value[0]["average"])
    assert found[0]["average"].dtype == torch.float64
    assert torch.equal(found[0]["step"], value[0]["step"])
    assert torch.equal(found["half"], value["half"])
    assert found["half"].dtype == torch.bfloat16
    for key in ("groups", "tensor", "infinite", (1, "two")):
        assert found[key] == value[key]
    assert list(found) == list(value)


def test_without_tensors_there_is_one_file(tmp_path):
    state_files.write(tmp_path, "scheduler", {"last_epoch": 4})
    assert [path.name for path in tmp_path.iterdir()] == ["scheduler.json"]
    assert state_files.read(tmp_path, "scheduler") == {"last_epoch": 4}


def test_what_cannot_be_json_is_refused_before_a_file_is_there(tmp_path):
    with pytest.raises(TypeError, match="a value of type object cannot be saved"):
        state_files.write(tmp_path, "state", {"part": [object()]})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["AdamW", "SGD", "Adagrad", "RMSprop", "LBFGS"])
def test_optimizers_go_on_exactly(tmp_path, name):
    import torch

    def trained(steps, state=None, weight=None):
        torch.manual_seed(0)
        layer = torch.nn.Linear(4, 2)
        optimizer = getattr(torch.optim, name)(layer.parameters(), lr=0.1)
        if state is not None:
            optimizer.load_state_dict(state)
            layer.load_state_dict(weight)
        for _ in range(steps):

            def closure():
                optimizer.zero_grad()
                loss = layer(torch.ones(3, 4)).square().sum()
                loss.backward()
                return loss

            optimizer.step(closure)
        return layer.state_dict(), optimizer.state_dict()

    weight, state = trained(3)
    state_files.write(tmp_path, "optimizer", state)
    resumed, _ = trained(4, state_files.read(tmp_path, "optimizer"), weight)
    whole, _ = trained(7)
    assert all(torch.equal(resumed[key], whole[key]) for key in whole)
    json.loads((tmp_path / "optimizer.json").read_text())
