"""The weights themselves in torch, on the best device."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from bertkit.adapters import Adapter
from bertkit.engine import device
from bertkit.engine.backends._base import Backend
from bertkit.engine.forward import accepted_inputs
from bertkit.errors import MachineError


class Torch(Backend):
    """A torch model, also one that is being trained.

    Args:
        model: On its device.
        adapter: Tells which output counts.
    """

    exact: ClassVar[bool] = True
    reads: ClassVar[tuple[str, ...]] = ("config.json", "*.safetensors")

    def __init__(self, model: Any, adapter: Adapter) -> None:
        self.model = model
        self.adapter = adapter
        self.inputs = accepted_inputs(model) & {"input_ids", "token_type_ids", "attention_mask"}
        self.budget = device.token_budget(model.device.type)

    @classmethod
    def check(cls) -> None:
        """Check that torch is installed; to import it takes seconds."""
        if importlib.util.find_spec("torch") is None:
            raise MachineError("torch is not installed", "pip install torch")

    @classmethod
    def open(cls, folder: Path, adapter: Adapter) -> Self:
        """Read the weights of a run and put them on the best device."""
        from bertkit.engine import layers, model

        target = device.choose()
        network = model.for_prediction(folder, adapter).to(target)
        layers.quicken(network, target, layers.fastest_linear(target), per_token=adapter.per_token)
        return cls(network, adapter)

    def __call__(self, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return the logits of a batch; where nothing is padded, attention is faster without a mask."""
        import torch

        tensors = {
            name: torch.from_numpy(value).to(self.model.device)
            for name, value in inputs.items()
            if name != "attention_mask" or not value.all()
        }
        with torch.inference_mode(), _evaluating(self.model):
            logits: np.ndarray = self.adapter.logits(self.model(**tensors)).float().cpu().numpy()
        return logits


@contextmanager
def _evaluating(model: Any) -> Iterator[None]:
    """Switch dropout off, and on again for a model that is being trained."""
    training = model.training
    if training:
        model.eval()
    try:
        yield
    finally:
        if training:
            model.train()
