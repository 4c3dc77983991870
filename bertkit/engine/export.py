"""Graphs of a run: made, compared with the weights on labelled rows, and kept if they answer as well."""

from __future__ import annotations

import logging
import math
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bertkit.adapters._encoder import Window
from bertkit.data import durable
from bertkit.data.examples import Example
from bertkit.engine import backends, device, evaluate, layers, load, lock, machine, manifest, processes, sealed
from bertkit.engine import run as runs
from bertkit.engine.agreement import compare
from bertkit.engine.backends.onnx_int8 import OnnxInt8
from bertkit.engine.forward import Forward
from bertkit.engine.run import Run
from bertkit.engine.side_by_side import side_by_side
from bertkit.errors import BertkitError, DataError, GateError, Interrupted, MachineError, RunError, UsageError

log = logging.getLogger("bertkit")
MAX_DROP = 0.5  # points
CALIBRATION_ROWS = 128
# After a training nobody waits for a graph: a part of the validation rows shows whether it is exact.
MOST_ROWS_AFTER_TRAINING = 256


def export(name: str | Path | None = None, *, int8: bool = False, max_drop: float | None = None) -> Run:
    """Make the graph of a run, and measure on its validation rows how it answers and how fast each backend is here.

    Args:
        name: Folder or name of a run; None is the newest.
        int8: Also make a graph with weights of eight bits; where there is one, it is made anew anyhow.
        max_drop: What the graph in eight bits may lose of the metric that selected the best epoch, in points
            (hundredths). None is what the one that is there was kept with, else MAX_DROP.

    Returns:
        The run, with "backends" in its info: what was accepted and what was refused; see `check_refused`.

    Raises:
        BertkitError: The rows cannot be read, or the model cannot become a graph.
    """
    found = runs.find(name)
    with lock.locked(found.folder):
        return _export_found(found, int8, max_drop)


def _export_found(found: Run, int8: bool, max_drop: float | None) -> Run:
    rows = evaluate.validation_rows(found).rows
    there = (found.folder / OnnxInt8.graph).is_file()
    before = found.info.get("backends", {}).get("max_drop") if there else None
    if max_drop is None:
        max_drop = MAX_DROP if before is None else before
    return _export(found, rows, max_drop, _calibration(found) if int8 or there else ())


def check_refused(run: Run) -> None:
    """Check that all graphs were kept.

    Args:
        run: From `export`.

    Raises:
        GateError: A graph was refused.
    """
    record = run.info["backends"]
    if refused := record["refused"]:
        sentences = [_sentence(name, facts, record) for name, facts in refused.items()]
        exact = all(backends.load(name).exact for name in refused)
        hint = "--backend torch" if exact else "--max-drop with a larger number, if that is good enough"
        raise GateError("; ".join(sentences), hint)


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
            log.info("The run is complete: %s", run.folder)
            _try_to_export(run, examples)
    processes.wait()
    return runs.load(run.folder)


def _try_to_export(run: Run, examples: Sequence[Example]) -> None:
    try:
        some = examples[:: math.ceil(len(examples) / MOST_ROWS_AFTER_TRAINING)]
        check_refused(_export(run, some, MAX_DROP))
    except Interrupted:
        raise
    except Exception as error:
        # A training of hours is worth more than any mistake in what follows it.
        reason = error.message if isinstance(error, BertkitError) else repr(error)
        log.warning("The run has no ONNX graph, so that predict needs torch: %s", reason)


def _calibration(run: Run) -> list[Window]:
    """Return windows of training rows: the validation rows judge the graph, so they must not shape it."""
    try:
        rows = load.split(run.recipe, "train", run.adapter).rows
    except (DataError, MachineError, UsageError) as error:
        raise RunError(
            f"a graph in eight bits is calibrated on training rows, which cannot be read: {error.message}",
            f"restore them, or do without --int8 and {run.folder / OnnxInt8.graph}",
        ) from error
    held = set(run.held_out() or ())
    own = [row for position, row in enumerate(rows) if position not in held]
    some = own[:: math.ceil(len(own) / CALIBRATION_ROWS)]
    return run.adapter.encode(some, run.encoder(), targets=False).windows


def _export(run: Run, examples: Sequence[Example], max_drop: float, calibration: Sequence[Window] = ()) -> Run:
    from bertkit.engine.backends import _graphs

    log.info("Graphs of %s are made, compared with its weights on %d rows, and timed.", run.name, len(examples))
    encoder = run.encoder()
    windows = run.adapter.encode(examples, encoder, targets=False).windows
    network = _network(run)
    for left in run.folder.glob(".export-*"):
        shutil.rmtree(left, ignore_errors=True)
    with _writing(run.folder), TemporaryDirectory(prefix=".export-", dir=run.folder) as name:
        made = Path(name)
        names = _graphs.make(network, run.adapter, windows, encoder.pad_id, made, calibration)
        found = _measure(run, network, made, names, windows, examples)
        accepted = {name: facts for name, facts in found.items() if _is_good(name, facts, max_drop)}
        record = {
            "machine": machine.fingerprint(),
            "rows": len(examples),
            "metric": run.info["training"]["metric"],
            "max_drop": max_drop,
            "accepted": accepted,
            "refused": {name: facts for name, facts in found.items() if name not in accepted},
            "files": manifest.describe(made, _kept(made, accepted)),
        }
        sealed.write(made / runs.BACKENDS_FILE, record)
        durable.replace_folder(run.folder / runs.GRAPHS, made / runs.GRAPHS)
    return runs.load(run.folder)


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise MachineError(
            f"{folder}: the graph cannot be written: {error}", "free some space, or make the folder writable"
        ) from error


def _network(run: Run) -> Any:
    """Return the model of a run on the processor, as fast as it will answer."""
    from bertkit.engine import model
    from bertkit.engine.backends.torch import Torch

    target = device.choose()
    with run.checked(Torch.reads):
        network = model.for_prediction(run.folder, run.adapter)
    # Of several processes only the main one comes here, after a training for which they agreed on what is fastest.
    alone = processes.count() == 1
    linear = layers.fastest_linear(target) if alone else run.info["training"]["linear"]
    layers.quicken(network, target, linear, per_token=run.adapter.per_token)
    return network


def _measure(
    run: Run, network: Any, made: Path, names: Sequence[str], windows: Sequence[Window], examples: Sequence[Example]
) -> dict[str, dict[str, float]]:
    """Return what graphs that were made, and the weights, are worth on labelled rows."""
    from bertkit.engine.backends.torch import Torch

    adapter = run.adapter
    opened = {name: backends.load(name).open(made, adapter) for name in names}
    opened["torch"] = Torch(network.to(device.choose()), adapter)
    forwards = {name: Forward(backend, adapter, run.info["model"]["pad_id"]) for name, backend in opened.items()}
    return compare(side_by_side(forwards, windows), adapter, windows, examples, run.info["training"]["metric"])


def _is_good(name: str, facts: Mapping[str, float], max_drop: float) -> bool:
    """Tell whether a backend may be kept: one that is exact must answer all rows as the weights do."""
    backend = backends.load(name)
    if backend.graph is None:
        return True
    return facts["agreement"] == 1 if backend.exact else facts["points_lost"] <= max_drop


def _kept(made: Path, accepted: Iterable[str]) -> list[str]:
    """Remove the files of graphs that were not accepted, and return the others, which are on the disk then."""
    patterns = [pattern for name in accepted if backends.load(name).graph for pattern in backends.load(name).reads]
    kept = {path for pattern in patterns for path in made.glob(pattern)}
    for path in (made / runs.GRAPHS).iterdir():
        if path in kept:
            durable.sync(path)
        else:
            path.unlink()
    return [path.relative_to(made).as_posix() for path in kept]


def _sentence(name: str, facts: Mapping[str, float], record: Mapping[str, Any]) -> str:
    """Return why a graph was refused."""
    different = round((1 - facts["agreement"]) * record["rows"])
    answers = f"answers {different} of {record['rows']} rows otherwise than the weights"
    if backends.load(name).exact:
        return f"{name} {answers}: it is not kept"
    lost = f"loses {facts['points_lost']:.2f} points of {record['metric']}, more than {record['max_drop']:g}"
    return f"{name} {lost}, and {answers}: it is not kept"
