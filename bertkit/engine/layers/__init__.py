"""Layers of a model computed in another way: the same results in less time."""

from __future__ import annotations

from typing import Any, Literal

from bertkit.engine import processes

Linear = Literal["torch", "onednn"]


def fastest_linear(device: str) -> Linear:
    """Return what multiplies the matrices of linear layers fastest here, the same in all processes.

    Args:
        device: "cuda", "mps" or "cpu"; only on CPUs is there a choice.
    """
    from bertkit.engine.layers.linear import is_faster

    return processes.agree(lambda: "onednn" if device == "cpu" and is_faster() else "torch")


def quicken(network: Any, device: str, linear: Linear, *, per_token: bool) -> None:
    """Let a model compute the same in less time.

    Args:
        network: A model of transformers.
        device: Where it will compute: "cuda", "mps" or "cpu".
        linear: From `fastest_linear`, or what a training was begun with: they round differently.
        per_token: Whether its head reads every token; else only the first one is computed in the last layer.
    """
    from bertkit.engine.layers.dropout import use_cheap_dropout
    from bertkit.engine.layers.embedding import use_in_place_embeddings
    from bertkit.engine.layers.first_position import use_first_position
    from bertkit.engine.layers.linear import use_onednn

    if not per_token:
        use_first_position(network)
    if device != "cpu":
        return
    use_cheap_dropout(network)
    if linear == "onednn":
        use_onednn(network)
    if processes.count() == 1:
        use_in_place_embeddings(network)
