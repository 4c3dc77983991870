import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from bertkit.engine.lock import locked
from bertkit.errors import RunError

FORK = multiprocessing.get_context("fork")


def _hold(folder, here):
    with locked(folder):
        here.send("held")
        here.poll(60)


@pytest.fixture
def holder(tmp_path):
    """A process that holds the lock of the run until it is sent something."""
    there, here = FORK.Pipe()
    process = FORK.Process(target=_hold, args=(tmp_path / "run", here))
    process.start()
    assert there.recv() == "held"
    yield process, there
    there.send("end")
    process.join(60)


def test_a_second_process_is_refused_and_told_who_is_first(tmp_path, holder):
    process, _ = holder
    with pytest.raises(RunError, match=rf"run is in use by process {process.pid} on "), locked(tmp_path / "run"):
        pass


def test_the_end_of_a_process_frees_it_and_leaves_nothing(tmp_path, holder):
    process, there = holder
    there.send("end")
    process.join(60)
    assert list(tmp_path.iterdir()) == []
    with locked(tmp_path / "run"):
        pass


def test_a_process_that_was_killed_frees_it(tmp_path, holder):
    process, _ = holder
    os.kill(process.pid, signal.SIGKILL)
    process.join(60)
    with locked(tmp_path / "run"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_link_to_a_run_is_that_run(tmp_path, holder):
    (tmp_path / "run").mkdir()
    (tmp_path / "link").symlink_to("run")
    with pytest.raises(RunError, match="is in use by"), locked(tmp_path / "link"):
        pass


def test_the_current_folder_can_be_locked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with locked(Path()):
        pass


def test_another_run_is_another_lock(tmp_path, holder):
    with locked(tmp_path / "other"):
        pass
