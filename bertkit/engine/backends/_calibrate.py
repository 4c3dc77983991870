"""How the products of a graph are rounded to int8, from what its activations hold on a few batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Batch = Mapping[str, np.ndarray]

# Shares of the largest values of a channel that move into its weights; the best is chosen for each matrix.
MIGRATIONS = (0.0, 0.5, 0.75, 1.0)
SAMPLED_TOKENS = 256


@dataclass(frozen=True)
class Group:
    """Matrix products that share an input or a weight, and so a scale.

    Args:
        nodes: The products.
        inputs: Names of the activations they read.
    """

    nodes: list[Any]
    inputs: list[str]


@dataclass(frozen=True)
class Activation:
    """What calibration showed of an activation.

    Args:
        low: The smallest value of each channel, shape (channels,).
        high: The largest.
        sample: Some tokens, shape (tokens, channels).
    """

    low: np.ndarray
    high: np.ndarray
    sample: np.ndarray


@dataclass(frozen=True)
class Plan:
    """How a group is computed in int8.

    Args:
        group: What is computed.
        smoothing: What each channel is divided by before it is rounded, shape (channels,).
        scale: The step of the rounded activations.
        zero: The uint8 that stands for 0.
        error: Of a token's outputs relative to their length, root mean square over the sample.
    """

    group: Group
    smoothing: np.ndarray
    scale: np.float32
    zero: np.uint8
    error: float


def plans(model: Any, weights: Mapping[str, np.ndarray], calibration: Sequence[Batch]) -> list[Plan]:
    """Return how each product with these weights is computed in int8, with the exponent of SmoothQuant that errs least.

    Args:
        model: An fp32 graph.
        weights: From `matrices`.
        calibration: Batches of real inputs by name, int64 arrays of shape (texts, tokens).
    """
    groups = _groups(model.graph, weights)
    activations = _observe(model, [name for group in groups for name in group.inputs], calibration)
    return [_plan(group, activations, weights) for group in groups]


def matrices(graph: Any) -> dict[str, np.ndarray]:
    """Return the matrices that activations are multiplied with, without the small ones of a head."""
    from onnx import numpy_helper

    named = {node.input[1] for node in graph.node if node.op_type == "MatMul"}
    found = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer if tensor.name in named}
    flat = {name: value for name, value in found.items() if value.ndim == 2}
    largest = max((value.size for value in flat.values()), default=0)
    return {name: value for name, value in flat.items() if value.size * 10 >= largest}


def _groups(graph: Any, weights: Mapping[str, np.ndarray]) -> list[Group]:
    """Return the products with these weights; layers that share their weights, as ALBERT's do, are one group."""
    groups: list[Group] = []
    for node in graph.node:
        if node.op_type != "MatMul" or node.input[1] not in weights:
            continue
        near = [group for group in groups if any(set(node.input) & set(other.input) for other in group.nodes)]
        groups = [group for group in groups if group not in near]
        nodes = [*(other for group in near for other in group.nodes), node]
        groups.append(Group(nodes, list(dict.fromkeys(other.input[0] for other in nodes))))
    return groups


def _observe(model: Any, names: Sequence[str], calibration: Sequence[Batch]) -> dict[str, Activation]:
    """Return what activations hold on the calibration batches."""
    import onnx

    from bertkit.engine.backends.onnx import runtime

    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    watched.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    session = runtime().InferenceSession(watched.SerializeToString(), providers=["CPUExecutionProvider"])
    inputs = [found.name for found in session.get_inputs()]
    most = -(-SAMPLED_TOKENS // len(calibration))
    found: dict[str, list[Activation]] = {name: [] for name in names}
    for batch in calibration:
        values = session.run(names, {name: batch[name] for name in inputs})
        for name, value in zip(names, values, strict=True):
            tokens = _tokens(value, batch)
            chosen = np.linspace(0, len(tokens) - 1, min(most, len(tokens))).astype(int)
            found[name].append(Activation(tokens.min(0), tokens.max(0), tokens[chosen]))
    return {name: _merged(parts) for name, parts in found.items()}


def _tokens(value: np.ndarray, batch: Batch) -> np.ndarray:
    """Return the vectors of an activation, shape (tokens, channels), without those of padding, which nobody reads."""
    mask = batch.get("attention_mask")
    if mask is not None and value.ndim == 3 and value.shape[:2] == mask.shape:
        kept: np.ndarray = value[mask == 1]
        return kept
    return value.reshape(-1, value.shape[-1])


def _merged(parts: Sequence[Activation]) -> Activation:
    low = np.min([part.low for part in parts], axis=0)
    high = np.max([part.high for part in parts], axis=0)
    return Activation(low, high, np.concatenate([part.sample for part in parts]))


def _plan(group: Group, activations: Mapping[str, Activation], weights: Mapping[str, np.ndarray]) -> Plan:
    """Return the smoothing that errs least on the sample."""
    activation = _merged([activations[name] for name in group.inputs])
    own = [weights[name] for name in dict.fromkeys(node.input[1] for node in group.nodes)]
    largest = np.maximum(np.maximum(-activation.low, activation.high), 1e-6)
    found = []
    for share in MIGRATIONS:
        smoothing = np.maximum((largest / largest.max()) ** share, 1e-3)
        low, high = min((activation.low / smoothing).min(), 0.0), max((activation.high / smoothing).max(), 0.0)
        scale = np.float32(max(high - low, 1e-6) / 255)
        zero = np.uint8(round(-low / scale))
        rounded = np.clip(np.round(activation.sample / smoothing / scale) + zero, 0, 255) - np.float32(zero)
        errors = [_error(rounded * scale, smoothing, activation.sample, matrix) for matrix in own]
        found.append(Plan(group, smoothing, scale, zero, float(np.mean(errors))))
    return min(found, key=lambda plan: plan.error)


def _error(rounded: np.ndarray, smoothing: np.ndarray, exact: np.ndarray, matrix: np.ndarray) -> float:
    """Return how far a rounded product is off, token by token, relative to the exact one."""
    whole, scales = levels(matrix * smoothing[:, None])
    wanted = exact @ matrix
    off = np.square(rounded @ (whole * scales) - wanted).sum(1)
    return float(np.sqrt(np.mean(off / np.maximum(np.square(wanted).sum(1), 1e-12))))


def levels(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a matrix as int8 and the scale of each column.

    CPUs without VNNI add the products of neighbouring rows in 16 bits, which overflow beyond 255 x 128. So weights of
    one sign of two neighbours stay within 127 together. Seven bits for every weight, the usual way out (reduce_range),
    is twice as coarse; this seldom costs a fifth.
    """
    pairs = np.pad(matrix, ((0, len(matrix) % 2), (0, 0))).reshape(-1, 2, matrix.shape[1])
    upper = np.maximum(np.maximum(pairs, 0).sum(1), np.maximum(-pairs, 0).sum(1)).max(0)
    # Two halves may both be rounded up: 63.5 and 63.5 make 64 and 64, which is 128 and still fits.
    scales = np.where(upper > 0, upper / 127, 1).astype(np.float32)
    return np.round(matrix / scales).astype(np.int8), scales
