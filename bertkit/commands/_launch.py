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

from bertkit.errors import MachineError, PeerLostError

# Tells the workers that their output is kept apart.
CAPTURED = "BERTKIT_CAPTURED"
POLL_SECONDS = 0.05
# How long a process may take to say why it fails when another one has found it gone.
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
    out: IO[bytes] | None = None
    err: IO[bytes] | None = None


def launch(arguments: Sequence[str], processes: int) -> int:
    """Run `bertkit` with these arguments in several processes; the first one shows what it does.

    Args:
        arguments: Of the command line.
        processes: How many to start.

    Returns:
        The exit code: that of the process that failed first, if one did; its output is shown then.

    Raises:
        MachineError: A process was ended from outside, or the connection between them was.
    """
    workers: list[Worker] = []
    before = {number: signal.signal(number, _pass_on(workers)) for number in FORWARDED}
    with ExitStack() as stack:
        try:
            port = _free_port()
            for rank in range(processes):
                workers.append(_start(arguments, rank, processes, port, stack))
            failed = first_failure(workers)
        finally:
            for worker in workers:
                worker.process.kill()
                worker.process.wait()
            for number, handler in before.items():
                signal.signal(number, handler)
        if failed is None:
            return 0
        if failed.process.returncode == PeerLostError.exit_code:
            raise MachineError("the processes have lost each other", "start again, with --resume if a state was saved")
        _show(failed)
        if failed.process.returncode < 0:
            name = signal.Signals(-failed.process.returncode).name
            raise MachineError(f"process {workers.index(failed)} of {processes} was ended by {name}")
        return failed.process.returncode


def first_failure(workers: Sequence[Worker]) -> Worker | None:
    """Wait for the end of all processes, or of one that fails, and return the one whose error is the cause.

    One that lost the others is not the cause while another may still say its own. Where the first fails as another
    did, it has shown the error already.
    """
    deadline: float | None = None
    while True:
        codes = [worker.process.poll() for worker in workers]
        failed = [worker for worker, code in zip(workers, codes, strict=True) if code]
        own = [worker for worker in failed if worker.process.returncode != PeerLostError.exit_code]
        if own and (workers[0] in own or _first_ends_alike(workers[0], own[0])):
            return workers[0]
        if own:
            return own[0]
        if failed and deadline is None:
            deadline = time.monotonic() + PATIENCE_SECONDS
        if None not in codes or (deadline is not None and time.monotonic() > deadline):
            return failed[0] if failed else None
        time.sleep(POLL_SECONDS)


def _first_ends_alike(first: Worker, other: Worker) -> bool:
    # Bad input ends all processes with one and the same error, but not in the same moment.
    try:
        return first.process.wait(PATIENCE_SECONDS) == other.process.returncode
    except subprocess.TimeoutExpired:
        return False


def _start(arguments: Sequence[str], rank: int, processes: int, port: int, stack: ExitStack) -> Worker:
    environment = {
        **os.environ,
        "WORLD_SIZE": str(processes),
        "LOCAL_WORLD_SIZE": str(processes),
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        CAPTURED: "1",
    }
    out, err = (stack.enter_context(tempfile.TemporaryFile()) if rank else None for _ in range(2))  # noqa: SIM115
    # Like the installed command, without the current folder among the places of modules.
    command = [sys.executable, "-P", "-m", "bertkit", *arguments]
    # In groups of their own, the terminal's Ctrl-C comes to them from here alone, and so once.
    process = subprocess.Popen(command, env=environment, stdout=out, stderr=err, process_group=0)
    return Worker(process, out, err)


def _show(worker: Worker) -> None:
    for stream, target in ((worker.out, sys.stdout), (worker.err, sys.stderr)):
        if stream is not None:
            stream.seek(0)
            target.flush()
            shutil.copyfileobj(stream, target.buffer)
            target.flush()


def _pass_on(workers: Sequence[Worker]) -> Callable[[int, FrameType | None], None]:
    def handler(number: int, frame: FrameType | None) -> None:
        for worker in workers:
            worker.process.send_signal(number)

    return handler


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
