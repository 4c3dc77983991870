"""Which backend answers: the one that was named, else a graph, unless the weights were clearly faster when measured."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial
from typing import Any

from bertkit.engine import backends, machine, processes
from bertkit.engine.backends.onnx import weights_of
from bertkit.engine.run import Run
from bertkit.errors import MachineError, UsageError

log = logging.getLogger("bertkit")
AUTO = "auto"
# torch takes seconds to import, in which a graph has answered many rows.
CLEARLY_FASTER = 1.2


def choose(run: Run, asked: str) -> str:
    """Return the name of the backend that answers, the same in all processes.

    Args:
        run: Its `run.json` says which graphs were accepted, and how fast each backend was on which machine.
        asked: A name, or "auto".

    Raises:
        UsageError: There is no such backend, or the run has not got it, or there is none that can be used.
        MachineError: What the named backend needs is not installed, or broken.
    """
    return processes.agree(partial(_automatic, run) if asked == AUTO else partial(_named, run, asked))


def fault(run: Run, name: str) -> str:
    """Return why a run has not got what a backend reads, or nothing."""
    graph = backends.load(name).graph
    if graph is None:
        return ""
    if name not in run.info.get("backends", {}).get("accepted", {}):
        was_refused = name in run.info.get("backends", {}).get("refused", {})
        return "its graph was refused, see --max-drop" if was_refused else "the run has no graph that was accepted"
    files = (run.folder / graph, weights_of(run.folder / graph))
    return next((f"{path} is gone" for path in files if not path.is_file()), "")


def _named(run: Run, name: str) -> str:
    if name not in backends.names():
        raise UsageError(f'there is no backend "{name}"', f"one of: {', '.join([AUTO, *backends.names()])}")
    backend = backends.load(name)
    if reason := fault(run, name):
        raise UsageError(
            f"backend {name}: {reason}", f"bertkit export {run.folder}{'' if backend.exact else ' --int8'}"
        )
    backend.check()
    return name


def _automatic(run: Run) -> str:
    graphs = [name for name in backends.names() if _is_exact_graph(name) and not fault(run, name)]
    names, why = _by_preference(run.info.get("backends", {}), graphs)
    faults = []
    for name in names:
        try:
            backends.load(name).check()
        except MachineError as error:
            faults.append(error.message)
            continue
        for message in faults:
            log.warning("%s; %s answers", message, name)
        log.debug("Answered by %s: %s", name, why)
        return name
    raise UsageError(f"{run.folder} has no backend that can be used here: {'; '.join(faults)}", "pip install torch")


def _is_exact_graph(name: str) -> bool:
    backend = backends.load(name)
    return backend.exact and backend.graph is not None


def _by_preference(record: Mapping[str, Any], graphs: list[str]) -> tuple[list[str], str]:
    """Return torch and the graphs that are there, the best first, and the reason."""
    if not graphs:
        return ["torch"], "the run has no graph that answers as the weights do"
    if record.get("machine") != machine.fingerprint():
        why = "not measured on this machine with so many threads and these libraries; `bertkit export RUN` does that"
        return (["torch", *graphs] if machine.has_gpu() else [*graphs, "torch"]), why
    rates = {name: _rate(record, name) for name in ["torch", *graphs]}
    graphs = sorted(graphs, key=rates.__getitem__, reverse=True)
    best = "torch" if rates["torch"] >= CLEARLY_FASTER * rates[graphs[0]] else graphs[0]
    names = ["torch", *graphs] if best == "torch" else [*graphs, "torch"]
    measured = ", ".join(f"{name} {rate:.0f}" for name, rate in rates.items())
    return names, f"by measurement on this machine (windows a second: {measured})"


def _rate(record: Mapping[str, Any], name: str) -> float:
    return float(record["accepted"].get(name, {}).get("windows_per_second", 0.0))
