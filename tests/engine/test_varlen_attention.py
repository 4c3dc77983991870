import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from bertkit.engine import varlen_attention
from bertkit.engine.packing import Packing

SIZES = (5, 1, 12, 7)
HEADS, WIDTH = 2, 16


@pytest.mark.parametrize("reach", [None, 2])
def test_padded_attends_within_each_window(reach):
    states = _states("cpu", torch.float32)
    found = varlen_attention.padded(*states, _packing("cpu"), scaling=0.3, reach=reach)
    wanted = _window_by_window(*states, scaling=0.3, reach=reach)
    torch.testing.assert_close(found, wanted)
    _compare_gradients(states, found, wanted)


@pytest.mark.parametrize("reach", [None, 2])
def test_attend_answers_the_first_token_of_each_window_alone(reach):
    packing = _packing("cpu")
    query, key, value = (rows.transpose(0, 1)[None] for rows in _states("cpu", torch.float32))
    every = {"packing": packing, "sliding_window": None if reach is None else reach + 1}
    wanted = packing.first(varlen_attention.attend(None, query, key, value, None, **every)[0])
    first = packing.first(query.transpose(1, 2)).transpose(1, 2)
    found, _ = varlen_attention.attend(None, first, key, value, None, **every)
    assert found.shape == (1, len(SIZES), HEADS, WIDTH)
    torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize("blocks", [[0, 1, len(SIZES)], [*range(len(SIZES) + 1)]])
@pytest.mark.parametrize("reach", [None, 2])
def test_blocks_change_nothing(blocks, reach):
    states = _states("cpu", torch.float32)
    wanted = varlen_attention.padded(*states, _packing("cpu"), reach=reach)
    found = varlen_attention.padded(*states, _packing("cpu", blocks), reach=reach)
    torch.testing.assert_close(found, wanted)
    _compare_gradients(states, found, wanted)
    first = _packing("cpu").first(states[0][None])[0]
    alone, together = (
        varlen_attention.padded(first, *states[1:], _packing("cpu", own), reach=reach) for own in (blocks, None)
    )
    torch.testing.assert_close(alone, together)


def test_padded_drops_the_share_of_weights_that_is_asked_for():
    torch.manual_seed(0)
    packing = _packing("cpu")
    query, key, value = (torch.ones(sum(SIZES), 200, WIDTH) for _ in range(3))
    found = torch.stack([varlen_attention.padded(query, key, value, packing, dropout=0.25) for _ in range(20)])
    assert found.mean().item() == pytest.approx(1.0, abs=0.02)
    # The window of one token keeps it or loses it.
    assert (found[:, SIZES[0]] == 0).float().mean().item() == pytest.approx(0.25, abs=0.05)


@pytest.mark.parametrize("reach", [None, 2])
def test_flash_calls_an_operator_that_torch_has_with_a_gradient(reach):
    states = [rows.to("meta").detach().requires_grad_() for rows in _states("cpu", torch.bfloat16)]
    found = varlen_attention.flash(*states, _packing("meta"), dropout=0.1, scaling=0.3, reach=reach)
    assert found.shape == states[0].shape
    found.sum().backward()
    assert [rows.grad.shape for rows in states] == [rows.shape for rows in states]


def test_has_flash_needs_a_gpu():
    assert not varlen_attention.has_flash(torch.ones(1, 1, 64, dtype=torch.bfloat16))


def test_mask_of_padded_windows_is_that_of_sdpa():
    mask = _packing("cpu").mask
    made = varlen_attention.mask(
        batch_size=len(mask),
        q_length=mask.shape[1],
        kv_length=mask.shape[1],
        mask_function=lambda *_: torch.tensor(True),
        attention_mask=mask,
    )
    assert made.expand(-1, -1, mask.shape[1], -1)[:, 0, 0].tolist() == mask.tolist()


def test_mask_of_flattened_windows_is_none():
    mask = _packing("cpu").mask
    assert varlen_attention.mask(batch_size=1, q_length=25, kv_length=12, attention_mask=mask) is None


@pytest.mark.gpu
@pytest.mark.parametrize("reach", [None, 2])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_flash_attends_as_padded_does(gpu, dtype, reach):
    states = _states(gpu, dtype)
    assert varlen_attention.has_flash(states[0])
    packing = _packing(gpu)
    found = varlen_attention.flash(*states, packing, scaling=0.3, reach=reach)
    wanted = varlen_attention.padded(*states, packing, scaling=0.3, reach=reach)
    torch.testing.assert_close(found, wanted, atol=2e-2, rtol=2e-2)
    _compare_gradients(states, found, wanted, atol=2e-2, rtol=2e-2)


@pytest.mark.gpu
def test_flash_answers_the_first_token_of_each_window_alone(gpu):
    query, key, value = _states(gpu, torch.bfloat16)
    packing = _packing(gpu)
    first = packing.first(query[None])[0]
    found = varlen_attention.flash(first, key, value, packing)
    torch.testing.assert_close(found, varlen_attention.padded(first, key, value, packing), atol=2e-2, rtol=2e-2)


@pytest.mark.gpu
def test_flash_drops_the_share_of_weights_that_is_asked_for(gpu):
    query, key, value = (torch.ones(sum(SIZES), 200, 64, device=gpu, dtype=torch.bfloat16) for _ in range(3))
    found = torch.stack([varlen_attention.flash(query, key, value, _packing(gpu), dropout=0.25) for _ in range(20)])
    assert found.float().mean().item() == pytest.approx(1.0, abs=0.02)
    assert (found[:, SIZES[0]] == 0).float().mean().item() == pytest.approx(0.25, abs=0.05)


@pytest.fixture
def gpu():
    """A device with the kernel."""
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    if torch.cuda.get_device_capability() < (8, 0):
        pytest.skip("needs a GPU from Ampere on")
    return "cuda"


def _packing(device, blocks=None):
    sizes = torch.tensor(SIZES)
    mask = torch.arange(max(SIZES)) < sizes[:, None]
    starts = torch.tensor([0, *sizes.cumsum(0)], dtype=torch.int32)
    edges = torch.tensor(blocks or [0, len(SIZES)])
    return Packing(starts.to(device), mask.flatten().nonzero()[:, 0].to(device), mask.to(device), edges.to(device))


def _states(device, dtype):
    """Queries, keys and values of all windows."""
    torch.manual_seed(0)
    shape = sum(SIZES), HEADS, WIDTH
    return [torch.randn(shape).to(device, dtype).requires_grad_() for _ in range(3)]


def _window_by_window(query, key, value, *, scaling, reach):
    """Attention of each window alone."""
    found = []
    for parts in zip(*(rows.split(SIZES) for rows in (query, key, value)), strict=True):
        one = [part.transpose(0, 1) for part in parts]
        positions = torch.arange(one[0].shape[1])
        near = (positions[:, None] - positions).abs() <= (len(positions) if reach is None else reach)
        found.append(scaled_dot_product_attention(*one, attn_mask=near, scale=scaling).transpose(0, 1))
    return torch.cat(found)


def _compare_gradients(states, found, wanted, **tolerance):
    weights = torch.randn(found.shape, device=found.device, dtype=found.dtype)
    one, other = (torch.autograd.grad(rows, states, weights) for rows in (found, wanted))
    for gradient, same in zip(one, other, strict=True):
        torch.testing.assert_close(gradient, same, **tolerance)
