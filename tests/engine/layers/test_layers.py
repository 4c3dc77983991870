from dataclasses import replace

import numpy as np
import pytest

from bertkit import adapters
from bertkit.engine import flat, layers, model
from bertkit.engine.layers import linear
from bertkit.engine.layers.first_position import LIKE_BERT
from tests import families
from tests.families import FAMILIES, LIMIT, build, padded, without_dropout


@pytest.fixture(scope="session", params=FAMILIES)
def name(request):
    """A family."""
    return request.param


@pytest.fixture(scope="session")
def folder(name, tmp_path_factory):
    """Its checkpoint."""
    return build(name, tmp_path_factory.mktemp(name))


@pytest.fixture(scope="session", params=adapters.names())
def prepared(request, folder, tmp_path_factory):
    """Rows of an adapter, encoded for that family."""
    return families.prepared(request.param, folder, tmp_path_factory.mktemp(request.param))


@pytest.fixture
def plain(prepared):
    """The model as transformers computes it, without dropout, ready to train."""
    return without_dropout(prepared)


@pytest.fixture
def quick(prepared, monkeypatch):
    """The same, quickened; every linear layer goes through oneDNN, however small."""
    monkeypatch.setattr(linear, "FEWEST", 0)
    network = without_dropout(prepared)
    layers.quicken(network, "cpu", "onednn", per_token=prepared.adapter.per_token)
    return network


def test_quickened_model_is_taught_in_parts_what_a_plain_one_is_in_one_padded_batch(prepared, plain, quick):
    windows, adapter = prepared.train.taught, prepared.adapter
    wanted = _step(plain, adapter, [(windows, padded(plain, windows))])
    collate = replace(prepared.collate(quick, "cpu"), part_cost=0, budget=2 * LIMIT)
    batch = collate(windows)
    assert len(batch["parts"]) > 1
    found = _step(quick, adapter, [(None, part) for part in batch["parts"]])
    assert found[0] == pytest.approx(wanted[0], rel=1e-5)
    assert found[1].keys() == wanted[1].keys()
    for weight, gradient in wanted[1].items():
        bound = 2e-5 * max(1, np.abs(gradient).max())
        np.testing.assert_allclose(found[1][weight], gradient, atol=bound, err_msg=weight)


def test_quickened_model_answers_as_a_plain_one(prepared, plain, quick):
    windows = prepared.train.taught
    wanted, found = (_logits(network.eval(), prepared.adapter, windows) for network in (plain, quick))
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5)


def test_no_window_of_a_quickened_model_sees_another(prepared, quick):
    windows = prepared.train.taught
    other = replace(windows[1], input_ids=windows[1].input_ids[::-1].copy())
    before = _logits(quick.eval(), prepared.adapter, windows)
    after = _logits(quick, prepared.adapter, [windows[0], other, *windows[2:]])
    assert np.abs(after[1] - before[1]).max() > 1e-3
    for place in set(range(len(windows))) - {1}:
        np.testing.assert_allclose(after[place], before[place], atol=1e-6)


def test_quickened_model_is_saved_as_a_plain_one(prepared, plain, quick, tmp_path):
    for network, place in ((plain, "plain"), (quick, "quick")):
        model.save(network, tmp_path / place)
    for file in ("config.json", "model.safetensors"):
        assert (tmp_path / "quick" / file).read_bytes() == (tmp_path / "plain" / file).read_bytes()


@pytest.mark.parametrize("family", sorted({*LIKE_BERT, "distilbert", "mpnet"}))
def test_last_layer_of_a_classifier_is_computed_for_one_position(family, tmp_path):
    prepared = families.prepared("sequence-classification", build(family, tmp_path), tmp_path)
    network = without_dropout(prepared)
    layers.quicken(network, "cpu", "torch", per_token=False)
    shapes = []
    network.base_model.register_forward_hook(lambda _, args, output: shapes.append(output[0].shape))
    windows = prepared.train.taught
    network(**padded(network, windows))
    assert shapes == [(len(windows), 1, network.config.hidden_size)]


def _logits(network, adapter, windows):
    """Logits of each window, without padding."""
    import torch

    with torch.inference_mode():
        found = adapter.logits(network(**padded(network, windows))).numpy()
    pairs = zip(found, windows, strict=True)
    return [line[: window.input_ids.size] if adapter.per_token else line for line, window in pairs]


def _step(network, adapter, parts):
    """Loss and gradients of the parts of one step; where a part has no labels, they are those of its windows."""
    import torch

    total = 0.0
    for windows, inputs in parts:
        given = dict(inputs)
        labels = given.pop("labels") if windows is None else torch.from_numpy(adapter.target_batch(windows))
        loss = adapter.loss(adapter.logits(flat.forward(network, **given)), labels)
        loss.backward()
        total += loss.item()
    weights = {name: weight.grad for name, weight in network.named_parameters() if weight.grad is not None}
    return total, {name: gradient.numpy() for name, gradient in weights.items()}
