"""The same command in several processes of this machine, which end together."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import FrameType
from typing import IO

from bertkit.errors import MachineError

CAPTURED = "BERTKIT_CAPTURED"
POLL_SECONDS = 0.05
# Bad input ends all processes with one and the same error, but not in the same moment.
PATIENCE_SECONDS = 5.0
FORWARDED = (signal.SIGINT, signal.SIGTERM)


@dataclass
class Worker:
    """One process; what the others than the first say is kept in case they fail.

    Args:
        process: It.
        out: Its standard output, or None where it is that of this process.
        err: Its standard error.
    """

    process: subprocess.Popen[bytes]
    out: IO[bytes] | None
    err: IO[bytes] | None


def is_launched() -> bool:
    """Tell whether this process was started by a launcher, be it this one, torchrun or accelerate."""
    return "WORLD_SIZE" in os.environ


def launch(arguments: Sequence[str], processes: int) -> int:
    """Run `bertkit` with these arguments in several processes; the first one shows what it does.

    Args:
        arguments: Of the command line.
        processes: How many to start.

    Returns:
        The exit code: that of the process that failed first, if one did; its output is shown then.

    Raises:
        MachineError: A process was ended from outside.
    """
    with ExitStack() as stack:
        port = _free_port()
        workers = [_start(arguments, rank, processes, port, stack) for rank in range(processes)]
        before = {number: signal.signal(number, _pass_on(workers)) for number in FORWARDED}
        try:
            failed = _first_failure(workers)
        finally:
            for worker in workers:
                worker.process.kill()
                worker.process.wait()
            for number, handler in before.items():
                signal.signal(number, handler)
        if failed is None:
            return 0
        _show(failed)
        if failed.process.returncode < 0:
            name = signal.Signals(-failed.process.returncode).name
            raise MachineError(f"process {workers.index(failed)} of {processes} was ended by {name}")
        return failed.process.returncode


def _start(arguments: Sequence[str], rank: int, processes: int, port: int, stack: ExitStack) -> Worker:
    environment = {
        "OMP_NUM_THREADS": str(max((os.cpu_count() or 1) // processes, 1)),
        **os.environ,
        "WORLD_SIZE": str(processes),
        "LOCAL_WORLD_SIZE": str(processes),
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        CAPTURED: "1",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    out, err = (stack.enter_context(tempfile.TemporaryFile()) if rank else None for _ in range(2))  # noqa: SIM115
    command = [sys.executable, "-m", "bertkit", *arguments]
    return Worker(subprocess.Popen(command, env=environment, stdout=out, stderr=err), out, err)


def _first_failure(workers: Sequence[Worker]) -> Worker | None:
    while any(worker.process.poll() is None for worker in workers):
        failed = next((worker for worker in workers if worker.process.poll()), None)
        if failed is not None:
            return _same_as_first(workers[0], failed)
        time.sleep(POLL_SECONDS)
    return next((worker for worker in workers if worker.process.returncode), None)


def _same_as_first(first: Worker, failed: Worker) -> Worker:
    """Return the first process if it fails in the same way: it has shown the error already."""
    try:
        same = first.process.wait(PATIENCE_SECONDS) == failed.process.returncode
    except subprocess.TimeoutExpired:
        same = False
    return first if same else failed


def _show(worker: Worker) -> None:
    for stream, target in ((worker.out, sys.stdout), (worker.err, sys.stderr)):
        if stream is not None:
            stream.seek(0)
            target.flush()
            shutil.copyfileobj(stream, target.buffer)
            target.flush()


def _pass_on(workers: Sequence[Worker]) -> Callable[[int, FrameType | None], None]:
    def handler(number: int, frame: FrameType | None) -> None:
        # The terminal has sent its Ctrl-C to the workers as well; a second one would end them at once.
        if number == signal.SIGINT and sys.stdin.isatty():
            return
        for worker in workers:
            worker.process.send_signal(number)

    return handler


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
