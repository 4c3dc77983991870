import contextlib
import json
import os

import pytest

from bertkit.engine import checkpoints
from bertkit.errors import MachineError, RunError


def make(parent, step, *, scored=True, best=None, **state):
    """Write a checkpoint of empty files, but for the state that is looked at."""
    with checkpoints.writing(parent / checkpoints.name(step, scored=scored), 0) as folder:
        for name in checkpoints.REQUIRED:
            (folder / name).write_text("{}")
        values = {"global_step": step, "best_global_step": best} | state
        (folder / checkpoints.STATE).write_text(json.dumps(values))


@contextlib.contextmanager
def half_written(parent):
    with checkpoints.writing(parent / "checkpoint-8", 0) as folder:
        (folder / "model.safetensors").write_text("half")
        folder.write_text("")
        yield


def names(parent):
    return sorted(path.name for path in parent.iterdir())


def test_the_newest_is_found_by_its_step(tmp_path):
    for step in (9, 10, 8):
        make(tmp_path, step, scored=False)
    make(tmp_path, 10)
    os.utime(tmp_path / "checkpoint-9.unscored", (2e9, 2e9))
    found, skipped = checkpoints.newest(tmp_path)
    assert (found.step, found.scored, skipped) == (10, True, [])
    assert [one.step for one in checkpoints.listed(tmp_path)] == [10, 10, 9, 8]
    assert checkpoints.newest(tmp_path / "nowhere") == (None, [])


def test_one_whose_best_is_gone_is_not_used(tmp_path):
    make(tmp_path, 4, best=4)
    make(tmp_path, 6, best=4)
    assert checkpoints.newest(tmp_path)[0].step == 6
    (tmp_path / "checkpoint-4").rename(tmp_path / "checkpoint-5")
    found, skipped = checkpoints.newest(tmp_path)
    assert found is None
    assert "checkpoint-4" in skipped[0]
    assert "checkpoint-5 holds step 4" in skipped[1]


def test_a_failure_leaves_nothing_but_what_was_there(tmp_path):
    make(tmp_path, 4)
    with pytest.raises(MachineError, match="checkpoint-8 cannot be written: Is a directory"), half_written(tmp_path):
        pass
    assert names(tmp_path) == ["checkpoint-4"]


def test_a_checkpoint_that_has_no_room_is_not_begun(tmp_path):
    with (
        pytest.raises(MachineError, match="the next checkpoint needs"),
        checkpoints.writing(tmp_path / "checkpoint-8", 2**60),
    ):
        raise AssertionError("begun")
    assert names(tmp_path) == []


def test_damaged_one_of_the_same_name_is_replaced(tmp_path):
    make(tmp_path, 4)
    (tmp_path / "checkpoint-4" / checkpoints.STATE).unlink()
    assert checkpoints.newest(tmp_path)[0] is None
    make(tmp_path, 4)
    assert checkpoints.newest(tmp_path)[0].step == 4
    assert names(tmp_path) == ["checkpoint-4"]


def test_keep_and_sweep_touch_nothing_else(tmp_path):
    for step in (2, 4, 6, 8):
        make(tmp_path, step)
    for name in ("checkpoint-x", ".checkpoint-9", ".checkpoint-4.old", "notes"):
        (tmp_path / name).mkdir()
    checkpoints.keep(tmp_path, tmp_path / "checkpoint-8", tmp_path / "checkpoint-2")
    checkpoints.sweep(tmp_path)
    assert names(tmp_path) == ["checkpoint-2", "checkpoint-6", "checkpoint-8", "checkpoint-x", "notes"]


def test_a_manifest_without_the_files_of_a_checkpoint_is_none(tmp_path):
    with checkpoints.writing(tmp_path / "checkpoint-4", 0) as folder:
        (folder / "model.safetensors").write_text("")
    with pytest.raises(RunError, match="is no checkpoint"):
        checkpoints.check(tmp_path / "checkpoint-4")
