"""The backend contract: padded batches of token ids in, logits out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from bertkit.adapters import Adapter


class Backend(ABC):
    """A trained model, ready to answer.

    Attributes:
        exact: Whether it computes in the precision of the training; only such a backend is ever taken unasked.
        graph: Its file in the run folder, or None if it reads the weights themselves.
        reads: Patterns of the files of a run folder that it reads.
        inputs: Names of the arrays that it takes.
        budget: Tokens of a batch that suit it, padding included.
    """

    exact: ClassVar[bool]
    graph: ClassVar[str | None] = None
    reads: ClassVar[tuple[str, ...]]
    inputs: frozenset[str]
    budget: int

    @classmethod
    @abstractmethod
    def check(cls) -> None:
        """Check that what it computes with is there, as far as that takes no seconds.

        Raises:
            MachineError: It is not installed, or broken.
        """

    @classmethod
    @abstractmethod
    def open(cls, folder: Path, adapter: Adapter) -> Self:
        """Read the model of a run.

        Args:
            folder: Of the run.
            adapter: Tells which output counts.
        """

    @abstractmethod
    def __call__(self, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return the logits of a batch.

        Args:
            inputs: Arrays of shape (windows, length), int64, by the names in `inputs`.

        Returns:
            The tensor that the adapter's decode reads, first axis the windows, float32. Where the head answers every
            token, the second axis is as long as the longest window.
        """
