"""An fp32 graph becomes an int8 graph that answers alike, whatever it is batched with and whatever CPU runs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bertkit.engine.backends._calibrate import Batch, Plan, levels, matrices, plans

# A product that errs more, relative to what comes out of it, stays in fp32: those of a healthy model err by 0.01-0.03.
MOST_ERROR = 0.05


def quantize(source: Path, target: Path, calibration: Sequence[Batch]) -> None:
    """Write a graph whose large matrix products run in int8.

    Weights have a scale a column. Activations have one scale, found on the calibration batches, and not one for each
    batch as in dynamic quantization: the answer to a text must not depend on the texts beside it. Channels with
    outliers are first divided by a number that their weights are multiplied with (SmoothQuant, Xiao et al. 2023,
    arXiv 2211.10438), with the exponent that errs least. Products that still err by more than MOST_ERROR stay in fp32.

    Args:
        source: An fp32 graph.
        target: Where the int8 graph is written; it needs ONNX Runtime.
        calibration: Batches of real inputs by name, int64 arrays of shape (texts, tokens). Values beyond those seen
            here are clipped later, so give a hundred texts or more.
    """
    import onnx

    model = onnx.load(source)
    _bypass_copies(model.graph)
    weights = matrices(model.graph)
    good = [plan for plan in plans(model, weights, calibration) if plan.error <= MOST_ERROR]
    onnx.save(_rewritten(model, good, weights), target)


def _bypass_copies(graph: Any) -> None:
    """Let nodes read shared weights directly: torch's exporter gives each layer an Identity of them."""
    constants = {tensor.name for tensor in graph.initializer}
    copies = [node for node in graph.node if node.op_type == "Identity" and node.input[0] in constants]
    originals = {node.output[0]: node.input[0] for node in copies}
    for node in copies:
        graph.node.remove(node)
    for node in graph.node:
        for position, name in enumerate(node.input):
            node.input[position] = originals.get(name, name)


def _rewritten(model: Any, chosen: Sequence[Plan], weights: Mapping[str, np.ndarray]) -> Any:
    """Return the model with the planned products in int8."""
    import onnx
    from onnx import helper

    small = onnx.ModelProto()
    small.CopyFrom(model)
    graph = small.graph
    planned = {node.output[0]: plan for plan in chosen for node in plan.group.nodes}
    biases = _biases(graph, planned)
    folded = {add.output[0] for add in biases.values()}
    constants: dict[str, np.ndarray] = {}
    nodes: list[Any] = []
    rounded: set[str] = set()
    for node in graph.node:
        if plan := planned.get(node.output[0]):
            if node.input[0] not in rounded:
                rounded.add(node.input[0])
                nodes += _rounding(node.input[0], plan, constants)
            nodes.append(_product(node, plan, biases.get(node.output[0]), weights, constants))
        elif node.output[0] not in folded:
            nodes.append(node)
    _replace(graph, nodes, constants)
    if all(used.domain != "com.microsoft" for used in small.opset_import):
        small.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    return small


def _biases(graph: Any, planned: Mapping[str, Plan]) -> dict[str, Any]:
    """Return the additions of a constant vector to these products, by the name of the product."""
    vectors = {tensor.name for tensor in graph.initializer if len(tensor.dims) == 1}
    users: dict[str, list[Any]] = {name: [] for name in planned}
    for node in graph.node:
        for name in users.keys() & set(node.input):
            users[name].append(node)
    single = {name: found[0] for name, found in users.items() if len(found) == 1}
    return {name: node for name, node in single.items() if node.op_type == "Add" and vectors & set(node.input)}


def _rounding(name: str, plan: Plan, constants: dict[str, np.ndarray]) -> list[Any]:
    """Return the nodes that make an activation uint8."""
    from onnx import helper

    nodes = []
    smooth = name
    if (plan.smoothing != 1).any():
        smooth = f"{name}/smooth"
        constants[f"{name}/smoothing"] = (1 / plan.smoothing).astype(np.float32)
        nodes.append(helper.make_node("Mul", [name, f"{name}/smoothing"], [smooth]))
    constants |= {f"{name}/scale": np.array(plan.scale), f"{name}/zero": np.array(plan.zero)}
    inputs = [smooth, f"{name}/scale", f"{name}/zero"]
    return [*nodes, helper.make_node("QuantizeLinear", inputs, [f"{name}/uint8"])]


def _product(
    node: Any, plan: Plan, bias: Any | None, weights: Mapping[str, np.ndarray], constants: dict[str, np.ndarray]
) -> Any:
    """Return the node that multiplies in int8 and adds the bias."""
    from onnx import helper

    name, weight = node.input
    whole, scales = levels(weights[weight] * plan.smoothing[:, None])
    constants |= {f"{weight}/int8": whole, f"{weight}/scale": scales}
    inputs = [f"{name}/uint8", f"{weight}/int8", f"{name}/scale", f"{weight}/scale", f"{name}/zero"]
    if bias is None:
        output = node.output[0]
    else:
        output = bias.output[0]
        inputs += ["", next(other for other in bias.input if other != node.output[0])]
    return helper.make_node("MatMulIntegerToFloat", inputs, [output], node.name, domain="com.microsoft")


def _replace(graph: Any, nodes: Sequence[Any], constants: Mapping[str, np.ndarray]) -> None:
    """Give a graph other nodes, with the constants that these read."""
    from onnx import numpy_helper

    read = {name for node in nodes for name in node.input}
    tensors = [tensor for tensor in graph.initializer if tensor.name in read]
    tensors += [numpy_helper.from_array(value, name) for name, value in constants.items()]
    del graph.node[:]
    graph.node.extend(nodes)
    del graph.initializer[:]
    graph.initializer.extend(tensors)
