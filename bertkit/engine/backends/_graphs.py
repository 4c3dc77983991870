"""The graphs of a model, from its weights: in full precision, and from that one in eight bits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bertkit.adapters import Adapter
from bertkit.adapters._encoder import Window
from bertkit.engine.backends._trace import trace
from bertkit.engine.backends.onnx import Onnx
from bertkit.engine.backends.onnx_int8 import OnnxInt8
from bertkit.engine.batches import pad

CALIBRATION_WINDOWS = 128
CALIBRATION_BATCH = 16  # windows


def make(
    network: Any,
    adapter: Adapter,
    windows: Sequence[Window],
    pad_id: int,
    folder: Path,
    calibration: Sequence[Window] = (),
) -> list[str]:
    """Write the graphs of a model.

    Args:
        network: On the processor, in evaluation mode.
        adapter: Tells which output counts.
        windows: Real ones.
        pad_id: Fills short rows of a batch.
        folder: Where the backends will look for their graphs.
        calibration: Training windows that show which numbers flow through the graph; without any, none is made in
            eight bits.

    Returns:
        The names of the backends that have a graph now.
    """
    exact, small = folder / Onnx.graph, folder / OnnxInt8.graph
    exact.parent.mkdir()
    trace(network, adapter, windows, pad_id, exact)
    if not calibration:
        return ["onnx"]
    from bertkit.engine.backends._quantize import quantize

    some = calibration[:: -(-len(calibration) // CALIBRATION_WINDOWS)]
    starts = range(0, len(some), CALIBRATION_BATCH)
    quantize(exact, small, [pad(some[start : start + CALIBRATION_BATCH], pad_id) for start in starts])
    return ["onnx", "onnx-int8"]
