"""Functions in processes of their own that need not import anything again, and may be killed at any time."""

import multiprocessing
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

FORK = multiprocessing.get_context("fork")


def run(
    function: Callable[..., Any], *arguments: Any, kill_after: float | None = None, number: int = signal.SIGKILL
) -> int:
    """Call a function in a forked process.

    No thread survives a fork, so the parent must not have computed with torch before.

    Args:
        function: What to call; an int that it returns is the exit code.
        arguments: Its arguments.
        kill_after: Seconds until a signal is sent; None sends none.
        number: The signal.

    Returns:
        The exit code; negative: the signal that ended the process.
    """
    assert not has_trained(), "torch has started threads here, for which a forked process would wait in vain"
    process = FORK.Process(target=_call, args=(function, arguments))
    process.start()
    if kill_after is not None:
        process.join(kill_after)
        if process.is_alive():
            os.kill(process.pid, number)
    process.join()
    return process.exitcode


def has_trained() -> bool:
    """Tell whether torch has computed gradients in this process, as far as the system tells."""
    return any(path.read_text().startswith("pt_autograd") for path in Path("/proc/self/task").glob("*/comm"))


def seconds(function: Callable[..., Any], *arguments: Any) -> float:
    """Return how long a call takes that must end with 0: cuts are drawn from this time."""
    started = time.monotonic()
    assert run(function, *arguments) == 0
    return time.monotonic() - started


def _call(function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    try:
        code = function(*arguments)
    except BaseException:
        traceback.print_exc()
        code = 70
    sys.stdout.flush()
    sys.stderr.flush()
    # Not through the exit handlers of pytest, which belong to the parent.
    os._exit(code if isinstance(code, int) else 0)
