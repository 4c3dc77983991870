"""How often a test of reliability tries: a few times in CI, often under `make soak`."""

import os

SOAK = bool(os.environ.get("BERTKIT_SOAK"))


def size(ci: int, soak: int) -> int:
    """Return the number of cases of this run."""
    return soak if SOAK else ci
