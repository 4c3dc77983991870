"""What all measurements of speed share: data, threads, the clock, and how much one side does in one round."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

TINY = 16


@dataclass(frozen=True)
class Setup:
    """One run of the benchmark.

    Args:
        data: Folder of the data sets.
        threads: Of both sides.
        rounds: How often every side is measured.
        tiny: Whether this is a trial of the code, with so little work that the figures mean nothing.
    """

    data: Path
    threads: int
    rounds: int
    tiny: bool = False

    def clock(self) -> float:
        """Return seconds: with one thread of the processor, which other programs disturb little, else of the wall."""
        return time.process_time() if self.threads == 1 else time.perf_counter()

    @property
    def clock_name(self) -> str:
        """What the clock counts, for a report."""
        return "Processor time of one thread" if self.threads == 1 else f"Time by the wall of {self.threads} threads"

    def clock_of_children(self) -> float:
        """Return the same for processes that were started and have ended."""
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime if self.threads == 1 else time.perf_counter()

    def amount(self, full: int) -> int:
        """Return how many rows or steps to take."""
        return max(full // TINY, 2) if self.tiny else full


@dataclass(frozen=True)
class Reading:
    """What one side did in one round.

    Args:
        amount: Rows or tokens.
        seconds: By the clock of the setup.
        flop: Arithmetic of the real tokens, 0 if not counted.
        answers: One a row, to compare the sides.
    """

    amount: float
    seconds: float
    flop: float = 0.0
    answers: Sequence[str] = field(default=(), repr=False)


Side = Callable[[], Reading]


@dataclass(frozen=True)
class Goal:
    """What bertkit should reach beside one peer.

    Args:
        ours: Name of a side.
        theirs: Name of the side it is compared with.
        ratio: Of their time to ours for the same work.
    """

    ours: str
    theirs: str
    ratio: float


@dataclass(frozen=True)
class Work:
    """One piece of work and the sides that do it.

    Args:
        title: What is done.
        unit: What is counted a second.
        goals: What is compared.
        open: Makes the sides ready, with weights loaded and a first small job done.
        needs: Files and folders below the data folder.
        width: Hidden size of the checkpoint, for the matrices that the processor's rate is measured with.
        exact: The side that the answers of the others are compared with.
    """

    title: str
    unit: str
    goals: Sequence[Goal]
    open: Callable[[Setup], Mapping[str, Side]]
    needs: Sequence[str] = ()
    width: int = 384
    exact: str | None = None


def set_environment(threads: int) -> None:
    """Give every library the same number of threads; to be called before torch, numpy and tokenizers are imported."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
        os.environ[name] = str(threads)
    # A pipeline switches it off for the whole process unless it is set.
    os.environ["TOKENIZERS_PARALLELISM"] = "true" if threads > 1 else "false"
    # What is timed must not come from the cache of tokens.
    os.environ["BERTKIT_CACHE"] = ""
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
