"""How many threads compute: as many as there are physical cores, unless the user says otherwise."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bertkit.engine import cores

log = logging.getLogger("bertkit")
NAMED = "OMP_NUM_THREADS"
# What libraries read when they are loaded: OpenMP and MKL under torch, Rayon under tokenizers.
READ = (NAMED, "MKL_NUM_THREADS", "RAYON_NUM_THREADS")
# How GNU's OpenMP lets threads wait for one another. Left to itself it lets them spin for long, which on a busy machine
# takes the cores from those that they wait for.
WAITING = {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"}
SPINS = "1000"
_asked: list[int] = []


def count() -> int:
    """Return the threads that this process computes with.

    That is OMP_NUM_THREADS, which also holds what `using` was asked for; else the physical cores that may be used,
    divided by the processes of this machine that do the same job.
    """
    # A list of numbers is for parallel work inside parallel work.
    named = os.environ.get(NAMED, "").partition(",")[0].strip()
    if named.isdecimal() and int(named):
        return int(named)
    return max(cores.usable() // int(os.environ.get("LOCAL_WORLD_SIZE", "1")), 1)


def named() -> int | None:
    """Return the number that somebody asked `using` for, if anybody did."""
    return _asked[-1] if _asked else None


@contextmanager
def using(asked: int | None = None) -> Iterator[int]:
    """Compute with so many threads in the block; what is loaded for the first time there keeps them.

    Args:
        asked: Threads of this process; None is what `count` says.
    """
    chosen = asked or count()
    # MKL would else give way to its own idea of the machine.
    values = {**dict.fromkeys(READ, str(chosen)), **({"MKL_DYNAMIC": "FALSE"} if asked else {})}
    if not WAITING & os.environ.keys():
        values["GOMP_SPINCOUNT"] = SPINS
    before = {name: os.environ.get(name) for name in values}
    os.environ |= {name: value for name, value in values.items() if asked or before[name] is None}
    torch = _loaded_torch()
    threads = torch.get_num_threads() if torch else None
    if torch:
        torch.set_num_threads(chosen)
    _asked.extend([asked] if asked else [])
    try:
        yield chosen
    finally:
        del _asked[len(_asked) - bool(asked) :]
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        if torch := _loaded_torch():
            torch.set_num_threads(threads or count())


def tell_if_busy() -> None:
    """Tell, where nobody has chosen the number of threads, that other programs keep the cores of this machine busy."""
    if NAMED in os.environ or not hasattr(os, "getloadavg"):
        return
    load = os.getloadavg()[0]
    there = cores.installed()
    if load > there - 0.5:
        # No warning: those are part of the results, and this is a matter of the moment.
        log.info(
            "This machine is busy (load %.1f on %d cores), and threads that wait for one another become slow: "
            "fewer of them, such as --threads %d, may be faster.",
            load, there, max(count() // 2, 1),
        )  # fmt: skip


def _loaded_torch() -> Any:
    # Where it is not loaded yet, it will read the environment.
    return sys.modules.get("torch")
