"""Losses, gradients and weights that are no finite numbers stop a training before they spoil what it has learnt."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from bertkit.adapters._encoder import Window
from bertkit.errors import DivergedError

# In half precision a scaler skips a step that overflows and tries a smaller scale, which is no fault in itself.
SKIPPED_IN_A_ROW = 3
ROWS_NAMED = 5
HINT = "a smaller train.learning_rate, a smaller train.max_grad_norm, or train.precision=fp32"


class FiniteSteps:
    """Looks at each step before the optimizer takes it.

    Args:
        where: From a window to the place of its row, such as `train.csv:7`.
    """

    def __init__(self, where: Callable[[Window], str]) -> None:
        self.where = where
        self.bad = 0

    def check(self, step: int, windows: Sequence[Window], loss: float, norm: float, scale: float | None) -> None:
        """Refuse a step whose loss or gradient is no finite number.

        Args:
            step: Which one, from 1.
            windows: What it is computed from, on this process.
            loss: Of this process.
            norm: Of the gradient, before it was clipped; the same in all processes.
            scale: What the loss was multiplied with in half precision; None: it was not.

        Raises:
            DivergedError: With the rows of the step.
        """
        if math.isfinite(loss) and (math.isfinite(norm) or (scale is not None and scale >= 1)):
            self.bad = 0
            return
        self.bad += 1
        if scale is not None and self.bad < SKIPPED_IN_A_ROW:
            return
        what = f"gradient is {norm}" if math.isfinite(loss) else f"loss is {loss}"
        raise DivergedError(f"step {step} was not taken: its {what}. Its rows: {self._rows(windows)}", HINT)

    def _rows(self, windows: Sequence[Window]) -> str:
        places = list(dict.fromkeys(map(self.where, windows)))
        more = len(places) - ROWS_NAMED
        return ", ".join(places[:ROWS_NAMED]) + (f" and {more} more" if more > 0 else "")


def check_weights(model: Any, step: int) -> None:
    """Refuse weights that are no finite numbers.

    Args:
        model: Of torch.
        step: After which step it is.

    Raises:
        DivergedError: With the name of a weight.
    """
    for name, weight in model.named_parameters():
        if not weight.isfinite().all():
            raise DivergedError(f"after step {step}, {name} holds numbers that are not finite: nothing is saved", HINT)
