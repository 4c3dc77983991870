"""A training that saves at every step is killed at any time: it always goes on, and loses one step at most."""

import os
import random
import signal
from functools import partial

import pytest

from bertkit.engine import checkpoints, run
from tests.reliability import forked
from tests.reliability.sizes import size
from tests.reliability.trainings import OFTEN, killed_after, scores, sha256

pytestmark = [pytest.mark.soak, pytest.mark.forks]
KILLS = size(60, 1000)
LONG = (OFTEN, "train.epochs=5", "train.patience=0")


@pytest.fixture(scope="module")
def whole(trainings, tmp_path_factory):
    """A run that nothing disturbed, and how long it took."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    return folder, forked.seconds(trainings.train, folder, *LONG)


def test_no_kill_costs_more_than_a_step(trainings, whole, tmp_path):
    reference, seconds = whole
    drawn = random.Random(7)
    done, ended, folder = tmp_path / "done", 0, tmp_path / "0"

    def noted(phase, step, total, **facts):
        done.write_text(str(step))

    for kill in range(KILLS):
        began = (folder / run.STATE_FILE).exists()
        work = partial(trainings.resume, folder) if began else partial(trainings.train, folder, *LONG)
        done.write_text("0")
        code = forked.run(partial(work, progress=noted), kill_after=drawn.uniform(0.1, seconds))
        assert code in (0, -signal.SIGKILL)
        found, _ = checkpoints.newest(folder / run.CHECKPOINTS)
        if (folder / run.RUN_FILE).exists() and not (folder / run.STATE_FILE).exists():
            assert sha256(folder) == sha256(reference)
            assert scores(folder) == scores(reference)
            folder, ended = tmp_path / str(kill + 1), ended + 1
        elif not (folder / run.RUN_FILE).exists() and int(done.read_text() or 0) > 1:
            assert found is not None
            assert found.step >= int(done.read_text()) - 1
    if (folder / run.STATE_FILE).exists():
        assert forked.run(trainings.resume, folder) == 0
        assert sha256(folder) == sha256(reference)
        assert scores(folder) == scores(reference)
        assert not (folder / run.CHECKPOINTS).exists()


def _killed_in_an_evaluation(trainings, folder, step):
    from bertkit.engine import trainer

    evaluate = trainer.EncoderTrainer.evaluate

    def evaluate_or_die(self, *given, **named):
        if self.state.global_step == step:
            os.kill(os.getpid(), signal.SIGKILL)
        return evaluate(self, *given, **named)

    trainer.EncoderTrainer.evaluate = evaluate_or_die
    return trainings.train(folder, *LONG)


@pytest.mark.parametrize("step", [4, 8])
def test_a_kill_after_an_evaluation_that_was_caught_up_changes_nothing(trainings, whole, tmp_path, step):
    reference, _ = whole
    folder = tmp_path / "run"
    assert forked.run(_killed_in_an_evaluation, trainings, folder, step) == -signal.SIGKILL
    assert forked.run(partial(trainings.resume, folder, progress=killed_after(step + 1))) == -signal.SIGKILL
    assert forked.run(trainings.resume, folder) == 0
    assert scores(folder) == scores(reference)
    assert sha256(folder) == sha256(reference)


def _killed_at_its_end(trainings, folder, *overrides):
    from bertkit.engine import train

    train.save_model = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    return trainings.train(folder, *overrides)


def _must_not_train(phase, step, total, **facts):
    # The Trainer tells an evaluation and a step alike; neither is left to do.
    raise AssertionError(f"step {step} is taken again")


@pytest.mark.parametrize(
    "overrides",
    [
        (),
        ("train.epochs=1.5",),
        ("train.epochs=9", "train.patience=1", "train.learning_rate=1e-9"),
        ("train.extra.max_steps=7",),
    ],
    ids=["all epochs", "part of an epoch", "patience", "steps"],
)
def test_training_that_was_done_is_not_trained_further(trainings, tmp_path, overrides):
    whole, folder = tmp_path / "whole", tmp_path / "run"
    assert forked.run(trainings.train, whole, *overrides) == 0
    assert forked.run(_killed_at_its_end, trainings, folder, *overrides) == -signal.SIGKILL
    assert forked.run(partial(trainings.resume, folder, progress=_must_not_train)) == 0
    assert sha256(folder) == sha256(whole)
    assert scores(folder) == scores(whole)


def test_run_may_be_moved_and_its_files_touched_before_it_goes_on(trainings, tmp_path):
    whole, folder, moved = tmp_path / "whole", tmp_path / "run", tmp_path / "elsewhere" / "moved"
    assert forked.run(trainings.train, whole) == 0
    assert forked.run(_killed_at_its_end, trainings, folder) == -signal.SIGKILL
    moved.parent.mkdir()
    folder.rename(moved)
    drawn = random.Random(3)
    for path in moved.rglob("*"):
        os.utime(path, (drawn.randrange(10**9), drawn.randrange(10**9)))
    assert forked.run(trainings.resume, moved) == 0
    assert sha256(moved) == sha256(whole)


def test_killed_seeds_go_on(trainings, tmp_path):
    whole = tmp_path / "whole"
    train = partial(trainings.train, seeds=2)
    seconds = forked.seconds(train, whole)
    drawn = random.Random(23)
    for case in range(size(2, 50)):
        folder = tmp_path / str(case)
        code = forked.run(train, folder, kill_after=drawn.uniform(0.1, seconds))
        assert code in (0, -signal.SIGKILL)
        assert forked.run(trainings.resume if folder.exists() else train, folder) == 0
        assert sha256(folder) == sha256(whole)
        assert run.load(folder).info["seeds"] == run.load(whole).info["seeds"]


def test_kill_at_the_very_first_file_leaves_a_folder_that_can_be_used(trainings, tmp_path):
    folder = tmp_path / "run"

    def killed():
        from bertkit.data import durable

        durable.rename = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        return trainings.train(folder)

    assert forked.run(killed) == -signal.SIGKILL
    assert [path.name for path in folder.iterdir()] == ["unfinished.json.part"]
    assert forked.run(trainings.train, folder) == 0
