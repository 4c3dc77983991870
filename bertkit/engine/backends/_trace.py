"""A torch model becomes an ONNX graph."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bertkit.adapters import Adapter
from bertkit.adapters._encoder import Window
from bertkit.engine.backends.torch import Torch
from bertkit.engine.batches import pad
from bertkit.errors import Interrupted, ModelError

# The first with an operator for layer normalization.
OPSET = 17
# A file of protocol buffers holds 2 GiB, and the graph is in it beside the weights.
MOST_BYTES = 2_000_000_000


def trace(network: Any, adapter: Adapter, windows: Sequence[Window], pad_id: int, target: Path) -> None:
    """Write the graph of a model, which takes batches of any size and length and gives the output "logits".

    The exporter runs the model once on a batch and writes down the operations, as torch.jit.trace does.

    Args:
        network: On the processor, in evaluation mode.
        adapter: Tells which output counts.
        windows: Real ones, of which the longest and the shortest are traced; the graph takes any others.
        pad_id: Fills the shorter one.
        target: Where the graph goes.

    Raises:
        ModelError: The model has operations that a graph cannot hold, or too many parameters.
        OSError: The file cannot be written.
    """
    import torch

    size = sum(weight.numel() * weight.element_size() for weight in network.parameters())
    if size > MOST_BYTES:
        raise ModelError(
            f"its weights have {size / 2**30:.1f} GiB, and an ONNX file holds 2 GiB", "--backend torch needs no graph"
        )
    inputs = pad([function(windows, key=lambda window: window.input_ids.size) for function in (max, min)], pad_id)
    names = [name for name in inputs if name in Torch(network, adapter).inputs]
    lengths = {name: {0: "windows", 1: "length"} for name in names}
    logits = {"logits": {0: "windows", **({1: "length"} if adapter.per_token else {})}}

    class Traced(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, *tensors: torch.Tensor) -> Any:
            return adapter.logits(self.network(**dict(zip(names, tensors, strict=True))))

    with warnings.catch_warnings(), torch.no_grad():
        # The exporter is named old, and each shape that the model asks for is named a constant.
        warnings.simplefilter("ignore")
        try:
            torch.onnx.export(
                # Itself in evaluation mode: the exporter would put the model back into the mode of what holds it.
                Traced().eval(),
                tuple(torch.from_numpy(inputs[name]) for name in names),
                str(target),
                dynamo=False,
                opset_version=OPSET,
                input_names=names,
                output_names=["logits"],
                dynamic_axes=lengths | logits,
            )
        except (Interrupted, OSError):
            raise
        except Exception as error:
            # What the exporter raises for an operation it does not know is anything.
            reason = str(error).splitlines()[0] if str(error) else repr(error)
            raise ModelError(
                f"{network.config.model_type} cannot become a graph: {reason}", "--backend torch needs no graph"
            ) from error
