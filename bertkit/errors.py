"""Every error that bertkit raises on purpose: what happened, and what to type next."""

from __future__ import annotations


class BertkitError(Exception):
    """An error the user can act on; the command line shows it without a traceback.

    Args:
        message: What came in, where, and what was allowed.
        hint: What to type or change next.
    """

    exit_code = 2

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(BertkitError):
    """Options that do not go together, or an output that must not be overwritten."""


class RecipeError(BertkitError):
    """A recipe or an override that is not valid."""


class DataError(BertkitError):
    """Rows, columns or labels that cannot be used."""


class ModelError(BertkitError):
    """A checkpoint that does not exist or cannot be used."""


class RunError(BertkitError):
    """A run folder that is missing, unfinished or damaged."""


class GateError(BertkitError):
    """The work was done, but a check that the user asked for failed."""

    exit_code = 1


class DivergedError(GateError):
    """A training whose loss, gradient or weights are no finite numbers any more."""


class MachineError(BertkitError):
    """Memory, disk, network or an optional package is missing."""

    exit_code = 3


class PeerLostError(MachineError):
    """Another process of the same job has ended; what happened to it is its own error."""

    exit_code = 75


class Interrupted(BertkitError):  # noqa: N818 - it is a request, not a fault
    """A signal asked the work to stop, and what was done is saved.

    Args:
        message: What was saved and where.
        hint: The command that continues.
        signal_number: The signal, 2 for Ctrl-C and 15 for SIGTERM.
    """

    def __init__(self, message: str, hint: str = "", signal_number: int = 2) -> None:
        super().__init__(message, hint)
        self.exit_code = 128 + signal_number
