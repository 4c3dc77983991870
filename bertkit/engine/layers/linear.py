"""Linear layers through oneDNN, where it multiplies matrices faster than the BLAS that torch was built with."""

from __future__ import annotations

import time
from functools import cache
from typing import Any

import torch
from torch import nn
from torch.nn import functional

# Fewer multiplications than these cost less than the call of oneDNN.
FEWEST = 2**21
SHAPE = (512, 384, 1536)
TRIALS = 5
# Below this gain nothing is changed: a noisy measurement must not decide, for the two round differently.
WORTH = 1.3


class OneDnnLinear(nn.Linear):
    """A linear layer whose products, forward and backward, are those of oneDNN."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Return input @ weight.T + bias, shape (..., out_features)."""
        small = input.numel() * self.out_features < FEWEST
        if small or input.dtype != torch.float32 or torch.onnx.is_in_onnx_export() or torch.is_autocast_enabled("cpu"):
            return super().forward(input)
        if not torch.is_grad_enabled():
            return _product(input, self.weight, self.bias)
        # In two dimensions: what a function returns must be no view, or DeBERTa could not change it in place.
        product: torch.Tensor = _Product.apply(input.flatten(0, -2), self.weight, self.bias)
        return product.unflatten(0, input.shape[:-1])


def use_onednn(network: nn.Module) -> None:
    """Compute the linear layers of a model by oneDNN."""
    for module in network.modules():
        if type(module) is nn.Linear:
            module.__class__ = OneDnnLinear


@cache
def is_faster() -> bool:
    """Tell by a measurement of a few milliseconds whether oneDNN is faster here, with as many threads as are set.

    The BLAS of the wheels of torch, MKL, does not use the widest instructions of processors that are not Intel's.
    """
    if not (torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")):
        return False
    rows, width, out = SHAPE
    input, weight, bias = torch.ones(rows, width), torch.ones(out, width), torch.ones(out)
    seconds: dict[Any, list[float]] = {functional.linear: [], _product: []}
    for _ in range(TRIALS):
        for function, spent in seconds.items():
            started = time.perf_counter()
            function(input, weight, bias)
            spent.append(time.perf_counter() - started)
    return min(seconds[functional.linear]) > WORTH * min(seconds[_product])


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, input: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        ctx.save_for_backward(input, weight)
        return _product(input, weight, bias)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (gradient,) = gradients
        input, weight = ctx.saved_tensors
        of_input, of_weight, of_bias = ctx.needs_input_grad
        return (
            _product(gradient, weight.t(), None) if of_input else None,
            _product(gradient.t(), input.t(), None) if of_weight else None,
            gradient.sum(0) if of_bias else None,
        )


def _product(input: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    product: torch.Tensor = torch.ops.mkldnn._linear_pointwise(input, weight, bias, "none", [], "")
    return product
