"""A training that was killed and resumed ends in the very weights of one that never stopped."""

import random
import signal
from functools import partial

import pytest

from tests.reliability import forked
from tests.reliability.sizes import SOAK, size
from tests.reliability.trainings import ADAPTERS, OFTEN, killed_after, scores, sha256

pytestmark = [pytest.mark.soak, pytest.mark.forks]
CUTS = size(3, 20)
WAYS = [(parts, workers) for parts in (1, 3) for workers in (0, 2)] if SOAK else [(3, 0)]


def kill_and_resume(trainings, folder, step, *settings, **named):
    train = partial(trainings.train, folder, *settings, progress=killed_after(step), **named)
    assert forked.run(train) == -signal.SIGKILL
    assert forked.run(trainings.resume, folder) == 0


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize(("parts", "workers"), WAYS)
def test_killed_and_resumed_training_ends_in_the_same_weights(trainings, tmp_path, adapter, parts, workers):
    settings = (OFTEN, f"train.accumulation={parts}", f"train.extra.dataloader_num_workers={workers}")
    whole = tmp_path / "whole"
    assert forked.run(partial(trainings.train, whole, *settings, adapter=adapter)) == 0
    last = scores(whole)[-1]["step"]
    drawn = random.Random(f"{adapter} {parts} {workers}")
    for step in drawn.sample(range(2, last + 1), min(CUTS, last - 1)):
        folder = tmp_path / f"cut-{step}"
        kill_and_resume(trainings, folder, step, *settings, adapter=adapter)
        assert sha256(folder) == sha256(whole)
        assert scores(folder) == scores(whole)


def test_data_workers_change_nothing(trainings, tmp_path):
    for workers in (0, 2):
        setting = f"train.extra.dataloader_num_workers={workers}"
        folder, cut = tmp_path / str(workers), tmp_path / f"cut-{workers}"
        assert forked.run(trainings.train, folder, OFTEN, setting) == 0
        kill_and_resume(trainings, cut, 6, OFTEN, setting)
        assert sha256(cut) == sha256(folder)


def test_saving_changes_nothing(trainings, tmp_path):
    rare, often = tmp_path / "rare", tmp_path / "often"
    assert forked.run(trainings.train, rare, "train.save_minutes=0") == 0
    assert forked.run(trainings.train, often, OFTEN) == 0
    assert sha256(often) == sha256(rare)
    assert scores(often) == scores(rare)


def test_an_epoch_in_parts_ends_where_it_should(trainings, tmp_path):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    setting = "train.epochs=1.5"
    assert forked.run(trainings.train, whole, setting) == 0
    last = scores(whole)[-1]["step"]
    kill_and_resume(trainings, cut, last, setting, OFTEN)
    assert sha256(cut) == sha256(whole)
    assert scores(cut) == scores(whole)


def test_no_pickle_is_read_or_written(trainings, tmp_path):
    assert forked.run(_train_and_resume_without_pickles, trainings, tmp_path / "run") == 0


def _train_and_resume_without_pickles(trainings, folder):
    import pickle
    import sys

    def refuse(event, details):
        if event == "pickle.find_class":
            raise AssertionError(f"a pickle asks for {details}")

    def refuse_writing(*_, **__):
        raise AssertionError("a pickle is written")

    sys.addaudithook(refuse)
    pickle.Pickler = pickle.dump = pickle.dumps = refuse_writing
    assert trainings.train(folder, progress=killed_after(5, signal.SIGTERM)) == 128 + signal.SIGTERM
    return trainings.resume(folder)
