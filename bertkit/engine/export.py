"""Graphs of a run: made, compared with the weights on labelled rows, and kept if they answer as well."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bertkit.data.examples import Example
from bertkit.engine import backends, device, evaluate, layers, machine, processes
from bertkit.engine import run as runs
from bertkit.engine.agreement import compare
from bertkit.engine.forward import Forward
from bertkit.engine.run import Run
from bertkit.engine.side_by_side import side_by_side
from bertkit.errors import BertkitError, GateError, MachineError

log = logging.getLogger("bertkit")
MAX_DROP = 0.5  # points
# After a training nobody waits for a graph: a part of the validation rows shows whether it is exact.
MOST_ROWS_AFTER_TRAINING = 256


def export(name: str | Path | None = None, *, int8: bool = False, max_drop: float = MAX_DROP) -> Run:
    """Make the graph of a run, and measure on its validation rows how it answers and how fast each backend is here.

    Args:
        name: Folder or name of a run; None is the newest.
        int8: Also make a graph with weights of eight bits.
        max_drop: What a graph may lose of the metric that selected the best epoch, in points (hundredths).

    Returns:
        The run, with "backends" in its info: what was accepted and what was refused.

    Raises:
        BertkitError: The rows cannot be read, or the model cannot become a graph.
        GateError: A graph loses more; those that do not are kept.
    """
    found = runs.find(name)
    had = found.info.get("backends", {}).get("accepted", {})
    rows = evaluate.validation_rows(found).rows
    try:
        done = _export(found, rows, max_drop, int8=int8 or "onnx-int8" in had)
    except OSError as error:
        raise MachineError(f"{found.folder}: the graph cannot be written: {error}") from error
    if sentence := _refusal(done.info["backends"], max_drop):
        raise GateError(sentence, "--max-drop with a larger number, if that is good enough")
    return done


def export_trained(run: Run, examples: Sequence[Example]) -> Run:
    """Make the graph of a run that was just trained; whatever goes wrong is told, and the run is as good without.

    Args:
        run: The run.
        examples: Its validation rows.
    """
    if processes.is_main():
        if device.choose() == "cuda":
            log.debug("No graph is made where there is a GPU; bertkit export %s makes one", run.folder)
        else:
            _try_to_export(run, examples[:: math.ceil(len(examples) / MOST_ROWS_AFTER_TRAINING)])
    processes.wait()
    return runs.load(run.folder)


def _try_to_export(run: Run, examples: Sequence[Example]) -> None:
    try:
        done = _export(run, examples, MAX_DROP, int8=False)
    except Exception as error:
        # A training of hours is worth more than any mistake in what follows it.
        reason = error.message if isinstance(error, BertkitError) else repr(error)
        log.warning("The run has no ONNX graph, so that predict needs torch: %s", reason)
        return
    if sentence := _refusal(done.info["backends"], MAX_DROP):
        log.warning("%s", sentence)


def _export(run: Run, examples: Sequence[Example], max_drop: float, *, int8: bool) -> Run:
    from bertkit.engine.backends import _graphs
    from bertkit.engine.backends.torch import Torch

    adapter, encoder = run.adapter, run.encoder()
    metric = run.info["training"]["metric"]
    windows = adapter.encode(examples, encoder, targets=False).windows
    network = _network(run)
    with TemporaryDirectory(prefix=".export-", dir=run.folder) as name:
        made = Path(name)
        names = _graphs.make(network, adapter, windows, encoder.pad_id, made, int8=int8)
        opened = {name: backends.load(name).open(made, adapter) for name in names}
        opened["torch"] = Torch(network.to(device.choose()), adapter)
        forwards = {name: Forward(backend, adapter, encoder.pad_id) for name, backend in opened.items()}
        found = compare(side_by_side(forwards, windows), adapter, windows, examples, metric)
        accepted = {name: facts for name, facts in found.items() if facts["points_lost"] <= max_drop}
        _keep(run.folder, made, accepted)
    refused = {name: facts for name, facts in found.items() if name not in accepted}
    record = {"machine": machine.fingerprint(), "rows": len(examples), "metric": metric, "accepted": accepted}
    info = {**run.info, "backends": {**record, "refused": refused}}
    runs.write_json(run.folder / runs.RUN_FILE, info)
    return Run(run.folder, info)


def _network(run: Run) -> Any:
    """Return the model of a run on the processor, as fast as it will answer."""
    from bertkit.engine import model

    target = device.choose()
    network = model.for_prediction(run.folder, run.adapter)
    # Of several processes only the main one comes here, after a training for which they agreed on what is fastest.
    alone = processes.count() == 1
    linear = layers.fastest_linear(target) if alone else run.info["training"]["linear"]
    layers.quicken(network, target, linear, per_token=run.adapter.per_token)
    return network


def _keep(folder: Path, made: Path, accepted: Iterable[str]) -> None:
    """Put the accepted graphs into the run folder, in the place of earlier ones."""
    graphs = {name: backends.load(name).graph for name in backends.names()}
    for name, graph in graphs.items():
        if graph is not None and name in accepted:
            (folder / graph).parent.mkdir(exist_ok=True)
            (made / graph).replace(folder / graph)
        elif graph is not None:
            (folder / graph).unlink(missing_ok=True)


def _refusal(record: Mapping[str, Any], max_drop: float) -> str:
    """Return a sentence about the graphs that were refused, or nothing."""
    return "; ".join(
        f"{name} loses {facts['points_lost']:.2f} points of {record['metric']} on {record['rows']} rows "
        f"({facts['agreement']:.1%} of the answers are the same), more than {max_drop:g}: it is not kept"
        for name, facts in record["refused"].items()
    )
