"""The graph of a run in ONNX Runtime, on the processor, without torch."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from bertkit.adapters import Adapter
from bertkit.engine import threads
from bertkit.engine.backends._base import Backend
from bertkit.errors import Interrupted, MachineError, RunError

# Of a batch: a third faster than four times as many, since the numbers between layers stay in the cache.
TOKENS = 512


class Onnx(Backend):
    """A session of ONNX Runtime.

    Args:
        path: The graph.
    """

    exact: ClassVar[bool] = True
    graph: ClassVar[str] = "onnx/model.onnx"
    reads: ClassVar[tuple[str, ...]] = ("onnx/model.onnx*",)

    def __init__(self, path: Path) -> None:
        self.session = _session(path)
        self.inputs = frozenset(entry.name for entry in self.session.get_inputs())
        self.budget = TOKENS

    @classmethod
    def check(cls) -> None:
        """Check that ONNX Runtime can be imported."""
        runtime()

    @classmethod
    def open(cls, folder: Path, adapter: Adapter) -> Self:
        """Read the graph of a run."""
        return cls(folder / cls.graph)

    def __call__(self, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return the logits of a batch.

        Raises:
            MemoryError: There is too little memory for the batch.
        """
        try:
            logits: np.ndarray = self.session.run(["logits"], dict(inputs))[0]
        except Exception as error:
            # Its exceptions have no common class, and none for memory.
            if "allocate memory" in str(error) or "bad_alloc" in str(error):
                raise MemoryError(str(error)) from error
            raise
        return logits


def weights_of(graph: Path) -> Path:
    """Return where the weights of a graph lie."""
    return graph.with_name(f"{graph.name}.data")


def runtime() -> Any:
    """Return ONNX Runtime, imported here alone: its wheels tell their maker about each use unless told not to.

    Raises:
        MachineError: It cannot be imported.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        import onnxruntime
    except Interrupted:
        raise
    except Exception as error:
        # Where its parts do not fit together, or not to numpy, that need not be an ImportError.
        raise MachineError(f"onnxruntime cannot be imported: {error}", "--backend torch") from error
    return onnxruntime


def _session(path: Path) -> Any:
    onnxruntime = runtime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads.count()
    options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    # Beside other work, threads that spin while they wait halve the speed.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Interrupted:
        raise
    except Exception as error:
        raise RunError(
            f"{path} cannot be used: {str(error).splitlines()[0]}", f"bertkit export {path.parent.parent}"
        ) from error
