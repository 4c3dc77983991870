"""Which backend answers: the one that was named, else the fastest exact one by what was measured."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Mapping
from typing import Any

from bertkit.engine import backends, machine
from bertkit.engine.run import Run
from bertkit.errors import UsageError

log = logging.getLogger("bertkit")
AUTO = "auto"


def choose(run: Run, asked: str) -> str:
    """Return the name of the backend that answers.

    Args:
        run: Its `run.json` says which graphs were accepted, and how fast each backend was on which machine.
        asked: A name, or "auto".

    Raises:
        UsageError: There is no such backend, or the run has not got it.
    """
    if asked != AUTO:
        return _named(run, asked)
    record = run.info.get("backends", {})
    ready = [name for name in backends.names() if _is_exact(name, record) and not fault(run, name)]
    chosen, why = _fastest(record, ready)
    log.debug("Answered by %s: %s", chosen, why)
    return chosen


def fault(run: Run, name: str) -> str:
    """Return why a run cannot be answered by a backend, or nothing."""
    backend = backends.load(name)
    if importlib.util.find_spec(backend.package) is None:
        return f"{backend.package} is not installed"
    if backend.graph is None:
        return ""
    if name not in run.info.get("backends", {}).get("accepted", {}):
        return "the run has no graph that was accepted"
    return "" if (run.folder / backend.graph).is_file() else f"{run.folder / backend.graph} is gone"


def _named(run: Run, name: str) -> str:
    if name not in backends.names():
        raise UsageError(f'there is no backend "{name}"', f"one of: {', '.join([AUTO, *backends.names()])}")
    if reason := fault(run, name):
        exact = backends.load(name).exact
        raise UsageError(f"backend {name}: {reason}", f"bertkit export {run.folder}{'' if exact else ' --int8'}")
    return name


def _is_exact(name: str, record: Mapping[str, Any]) -> bool:
    """Tell whether a backend computes in full precision, and gave the same answers on all rows it was checked with."""
    facts = record.get("accepted", {}).get(name, {})
    return backends.load(name).exact and facts.get("agreement", 1.0) == 1.0


def _fastest(record: Mapping[str, Any], ready: list[str]) -> tuple[str, str]:
    """Return the best of the backends that are ready, and the reason."""
    if len(ready) == 1:
        return ready[0], "the run has no other backend that is exact"
    if record["machine"] == machine.fingerprint():
        rates = {name: float(record["accepted"][name]["windows_per_second"]) for name in ready}
        best = max(rates, key=rates.__getitem__)
        return best, f"the fastest by measurement on this machine ({rates[best]:.0f} windows a second)"
    best = "torch" if machine.has_gpu() else next(name for name in ready if name != "torch")
    return best, "not measured on this machine with so many threads; `bertkit export RUN` does that"
