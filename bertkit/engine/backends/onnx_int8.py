"""The graph of a run with weights of eight bits: faster, and not exact."""

from __future__ import annotations

from typing import ClassVar

from bertkit.engine.backends.onnx import Onnx


class OnnxInt8(Onnx):
    """A session of ONNX Runtime on the quantized graph."""

    exact: ClassVar[bool] = False
    graph: ClassVar[str] = "onnx/model_int8.onnx"
    reads: ClassVar[tuple[str, ...]] = ("onnx/model_int8.onnx*",)
