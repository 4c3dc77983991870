import copy
from dataclasses import replace

import numpy as np
import pytest

from bertkit import adapters
from bertkit.engine import flat, model
from bertkit.engine.batches import pad
from bertkit.engine.forward import accepted_inputs
from bertkit.errors import ModelError
from tests import families
from tests.families import FAMILIES, build, padded, without_dropout

# These attend in code of their own, or mix neighbours before the attention.
PADDED = {"deberta", "deberta-v2", "megatron-bert", "mobilebert", "mpnet", "rembert"}


@pytest.fixture(scope="session", params=sorted(FAMILIES.keys() - PADDED))
def name(request):
    """A family that reads flattened windows."""
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
def network(prepared):
    """The family's model with the adapter's head; without dropout, also while it trains."""
    return without_dropout(prepared)


@pytest.fixture
def roberta(tmp_path):
    """A prepared classifier whose positions begin after the padding."""
    return families.prepared("sequence-classification", build("roberta", tmp_path), tmp_path)


def test_supports_a_family_with_every_head(network):
    assert flat.supports(network)


@pytest.mark.parametrize("name", sorted(PADDED))
def test_forward_refuses_flattened_windows_of_other_families(name, tmp_path):
    prepared = families.prepared("sequence-classification", build(name, tmp_path), tmp_path)
    network = without_dropout(prepared)
    assert not flat.supports(network)
    with pytest.raises(ModelError, match=name):
        flat.forward(network, **_flattened(network, prepared.train.taught))


def test_forward_gives_logits_loss_and_gradients_of_padded_windows(network, prepared):
    windows = prepared.train.taught
    wanted = _step(copy.deepcopy(network), prepared.adapter, windows, padded(network, windows))
    found = _step(network, prepared.adapter, windows, _flattened(network, windows))
    _compare(found, wanted)


def test_forward_checkpoints_gradients(network, prepared):
    if not network.supports_gradient_checkpointing:
        pytest.skip("this family keeps its activations")
    windows = prepared.train.taught
    wanted = _step(copy.deepcopy(network), prepared.adapter, windows, _flattened(network, windows))
    network.activation_checkpointing_enable()
    _compare(_step(network, prepared.adapter, windows, _flattened(network, windows)), wanted)


def test_no_window_sees_another(network, prepared):
    windows = prepared.train.taught
    other = replace(windows[1], input_ids=windows[1].input_ids[::-1].copy())
    before = _logits(network, prepared.adapter, windows)
    after = _logits(network, prepared.adapter, [windows[0], other, *windows[2:]])
    assert np.abs(after[1] - before[1]).max() > 1e-3
    del before[1], after[1]
    for one, same in zip(before, after, strict=True):
        assert one == pytest.approx(same, abs=1e-6)


def test_forward_answers_padded_windows_after_flattened_ones_as_before(network, prepared):
    windows = prepared.train.taught
    wanted = _step(copy.deepcopy(network), prepared.adapter, windows, padded(network, windows))
    _logits(network, prepared.adapter, windows)
    _compare(_step(network, prepared.adapter, windows, padded(network, windows)), wanted)


def test_forward_answers_one_window(roberta):
    network, window = without_dropout(roberta), roberta.train.taught[0]
    (found,) = _logits(network, roberta.adapter, [window])
    assert found == pytest.approx(network(**padded(network, [window])).logits[0].tolist(), abs=1e-5)


def test_forward_averages_the_tokens_of_each_window_where_the_head_does(tmp_path):
    prepared = families.prepared("sequence-classification", build("modernbert", tmp_path), tmp_path)
    network, windows = without_dropout(prepared), prepared.train.taught
    first = _logits(network, prepared.adapter, windows)
    network.config.classifier_pooling = "mean"
    wanted = _step(copy.deepcopy(network), prepared.adapter, windows, padded(network, windows))
    found = _step(network, prepared.adapter, windows, _flattened(network, windows))
    _compare(found, wanted)
    assert np.abs(found[0] - np.stack(first)).max() > 1e-3


def test_forward_drops_attention_in_training_only(roberta):
    network, windows = without_dropout(roberta), roberta.train.taught
    for layer in network.base_model.encoder.layer:
        layer.attention.self.dropout.p = 0.5
    inputs = _flattened(network, windows)
    assert not np.allclose(*(_step(network, roberta.adapter, windows, inputs)[0] for _ in range(2)))
    network.eval()
    once, again = (flat.forward(network, **inputs).logits.tolist() for _ in range(2))
    assert once == again


def test_saved_model_attends_in_the_usual_way(roberta, tmp_path):
    network = without_dropout(roberta)
    _logits(network, roberta.adapter, roberta.train.taught)
    model.save(network, tmp_path / "saved")
    assert model.for_prediction(tmp_path / "saved", roberta.adapter).config._attn_implementation == "sdpa"


def test_flatten_counts_positions_and_segments_of_each_window(roberta):
    windows = [replace(window, segment_ids=np.arange(window.input_ids.size) % 2) for window in roberta.train.taught[:3]]
    inputs = flat.flatten(windows, {"input_ids", "token_type_ids", "position_ids", "attention_mask"})
    starts = inputs["cu_seq_lens"]
    for start, end, window in zip(starts, starts[1:], windows, strict=False):
        assert inputs["input_ids"][0, start:end].tolist() == window.input_ids.tolist()
        assert inputs["token_type_ids"][0, start:end].tolist() == window.segment_ids.tolist()
        assert inputs["position_ids"][0, start:end].tolist() == list(range(window.input_ids.size))
    padded = pad(windows, 0)
    assert inputs["attention_mask"].tolist() == padded["attention_mask"].tolist()
    assert padded["input_ids"].ravel()[inputs["places"]].tolist() == inputs["input_ids"][0].tolist()
    assert starts.dtype == np.int32
    assert starts[-1] == inputs["input_ids"].size


def test_flatten_leaves_out_what_the_model_does_not_take(roberta):
    windows = roberta.train.taught
    assert "token_type_ids" not in flat.flatten(windows, accepted_inputs(without_dropout(roberta)))


@pytest.mark.gpu
@pytest.mark.parametrize("family", ["bert", "modernbert", "roberta"])
def test_forward_answers_on_a_gpu_in_half_precision_as_in_full(family, tmp_path):
    import torch

    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    prepared = families.prepared("token-classification", build(family, tmp_path), tmp_path)
    network, windows = without_dropout(prepared), prepared.train.taught
    wanted = _logits(network, prepared.adapter, windows)
    network.cuda()
    with torch.autocast("cuda", torch.bfloat16):
        found = _logits(network, prepared.adapter, windows)
    for one, same in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, same, atol=0.1 * np.abs(same).max())


def _tensors(inputs):
    import torch

    return {name: torch.from_numpy(values) for name, values in inputs.items()}


def _flattened(network, windows):
    return _tensors(flat.flatten(windows, accepted_inputs(network)))


def _logits(network, adapter, windows):
    """Logits of each window, without padding."""
    inputs = {name: values.to(network.device) for name, values in _flattened(network, windows).items()}
    found = adapter.logits(flat.forward(network, **inputs)).detach().float().cpu().numpy()
    pairs = zip(found, windows, strict=True)
    return [line[: window.input_ids.size] if adapter.per_token else line for line, window in pairs]


def _step(network, adapter, windows, inputs):
    """Logits, loss and gradients of one step."""
    import torch

    network.zero_grad()
    logits = adapter.logits(flat.forward(network, **inputs))
    loss = adapter.loss(logits, torch.from_numpy(adapter.target_batch(windows)))
    loss.backward()
    gradients = {name: weight.grad.numpy() for name, weight in network.named_parameters() if weight.grad is not None}
    real = pad(windows, 0)["attention_mask"].astype(bool) if adapter.per_token else slice(None)
    return logits.detach().numpy()[real], loss.item(), gradients


def _compare(found, wanted):
    """Assert that two steps are the same."""
    np.testing.assert_allclose(found[0], wanted[0], atol=1e-5)
    assert found[1] == pytest.approx(wanted[1], rel=1e-5)
    assert found[2].keys() == wanted[2].keys()
    for name, gradient in wanted[2].items():
        np.testing.assert_allclose(found[2][name], gradient, atol=1e-5 * max(1, np.abs(gradient).max()), err_msg=name)
