"""Where the random numbers of a process stand, taken down and taken up again."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import numpy as np


def states() -> dict[str, Any]:
    """Return where Python, numpy and torch stand, with torch's as tensors of bytes on the CPU."""
    import torch

    found: dict[str, Any] = {"python": random.getstate(), "torch": torch.get_rng_state()}
    state: Any = np.random.get_state()
    found["numpy"] = tuple(part.tolist() if isinstance(part, np.ndarray) else part for part in state)
    if torch.cuda.is_available():
        found["cuda"] = torch.cuda.get_rng_state()
    elif torch.backends.mps.is_available():
        found["mps"] = torch.mps.get_rng_state()
    return found


def restore(found: Mapping[str, Any]) -> None:
    """Go on from there.

    Args:
        found: From `states`, of the same kind of machine.
    """
    import torch

    random.setstate(found["python"])
    np.random.set_state(found["numpy"])
    torch.set_rng_state(found["torch"])
    for name, module in (("cuda", torch.cuda), ("mps", torch.mps)):
        if name in found and module.is_available():
            module.set_rng_state(found[name])
