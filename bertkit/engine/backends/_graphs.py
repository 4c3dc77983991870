"""The graphs of a model, from its weights: in full precision, and from that one in eight bits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bertkit.adapters import Adapter
from bertkit.adapters._encoder import Window
from bertkit.engine.backends._trace import trace
from bertkit.engine.backends.onnx import Onnx, weights_of
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
        _put_weights_aside(exact)
        return ["onnx"]
    from bertkit.engine.backends._quantize import quantize

    some = calibration[:: -(-len(calibration) // CALIBRATION_WINDOWS)]
    starts = range(0, len(some), CALIBRATION_BATCH)
    quantize(exact, small, [pad(some[start : start + CALIBRATION_BATCH], pad_id) for start in starts])
    for graph in (exact, small):
        _put_weights_aside(graph)
    return ["onnx", "onnx-int8"]


def _put_weights_aside(graph: Path) -> None:
    """Move the weights into a file of their own, which is mapped into memory and not read: a start takes half the time.

    Args:
        graph: Holds its weights.
    """
    import onnx

    model = onnx.load(graph)
    onnx.save(model, graph, save_as_external_data=True, location=weights_of(graph).name)
    # The library makes it readable by its owner alone.
    weights_of(graph).chmod(graph.stat().st_mode)
