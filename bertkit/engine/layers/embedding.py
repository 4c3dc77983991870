"""Embeddings whose gradient is added up in place: a step has several parts, and a vocabulary has many rows."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional


class InPlaceEmbedding(nn.Embedding):
    """An embedding that adds gradients to the rows that were read, without a gradient of the whole table each time."""

    # Kept from step to step: fresh memory of this size costs a page fault for every 4 KiB.
    gradient: torch.Tensor | None = None

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Return the rows of the table, shape (..., embedding_dim)."""
        if not (torch.is_grad_enabled() and self.weight.requires_grad):
            return super().forward(input)
        return _Rows.apply(self.weight, input, self)

    def add(self, ids: torch.Tensor, rows: torch.Tensor) -> None:
        """Add the gradients of some rows to that of the table, shapes (tokens,) and (tokens, embedding_dim)."""
        if self.padding_idx is not None:
            rows = rows.masked_fill((ids == self.padding_idx).unsqueeze(1), 0.0)
        if self.weight.grad is None:
            if self.gradient is None:
                self.gradient = torch.empty_like(self.weight)
            self.weight.grad = self.gradient.zero_()
        self.weight.grad.index_add_(0, ids, rows)


def use_in_place_embeddings(network: nn.Module) -> None:
    """Let the embeddings of a model add up their gradients in place.

    Not for processes that share gradients: they wait until autograd hands out that of each weight.
    """
    for module in network.modules():
        if type(module) is nn.Embedding and not (module.sparse or module.scale_grad_by_freq or module.max_norm):
            module.__class__ = InPlaceEmbedding


class _Rows(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weight: torch.Tensor, ids: torch.Tensor, table: InPlaceEmbedding) -> torch.Tensor:
        ctx.table = table
        ctx.save_for_backward(ids)
        return functional.embedding(ids, weight)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[None, ...]:
        (ids,) = ctx.saved_tensors
        ctx.table.add(ids.flatten(), gradients[0].flatten(0, -2))
        return None, None, None
