"""Dropout whose masks cost a fraction: sixteen random bits decide on a number, not a draw of their own."""

from __future__ import annotations

import torch
from torch import nn

LEVELS = 2**16
PER_DRAW = 4


class CheapDropout(nn.Dropout):
    """Dropout as Srivastava et al. 2014, with cheap masks."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Return the input with some numbers replaced by 0 and the others scaled, shape (...)."""
        if self.training and 0 < self.p < 1 and input.dtype == torch.float32:
            return input * mask(input.shape, self.p)
        return super().forward(input)


def use_cheap_dropout(network: nn.Module) -> None:
    """Give the dropout layers of a model cheap masks."""
    for module in network.modules():
        if type(module) is nn.Dropout:
            module.__class__ = CheapDropout


def mask(shape: torch.Size, p: float) -> torch.Tensor:
    """Return a float32 mask for the CPU: 0, or what keeps the mean.

    The random numbers are torch's own, 64 bits a draw, so a stored state of its generator gives the same masks again.

    Args:
        shape: Of the mask.
        p: Probability of 0, rounded to 1/65536; the scale is that of the rounded one.
    """
    dropped = round(p * LEVELS)
    count = shape.numel()
    draws = torch.empty(-(-count // PER_DRAW), dtype=torch.int64).random_(-(2**63), None)  # type: ignore[call-overload]
    bits = draws.view(torch.int16)[:count].view(shape)
    kept = torch.empty(shape)
    torch.ge(bits, dropped - LEVELS // 2, out=kept)
    return kept.mul_(LEVELS / (LEVELS - dropped))
