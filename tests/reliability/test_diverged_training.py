"""A loss that is no number stops a training before it spoils the weights, and what was learnt before is kept."""

import numpy as np
import pytest
from safetensors.numpy import load_file

from bertkit.engine import checkpoints, run
from tests.reliability import forked
from tests.reliability.trainings import OFTEN, SHORT, sha256

pytestmark = [pytest.mark.soak, pytest.mark.forks]


def _spoilt(trainings, folder, step, spoil):
    """Train, where something is done to the loss of a step or to the weights before it."""
    from bertkit.engine.trainer import EncoderTrainer

    real = EncoderTrainer.compute_loss

    def compute_loss(self, *given, **named):
        loss = real(self, *given, **named)
        return spoil(self, loss) if self.state.global_step + 1 == step else loss

    EncoderTrainer.compute_loss = compute_loss
    return trainings.train(folder, OFTEN)


def _nan_loss(trainer, loss):
    return loss * float("nan")


def _infinite_gradient(trainer, loss):
    # The loss stays what it was.
    return loss + (loss - loss.detach()) * float("1e38") * 1e38


def _infinite_weight(trainer, loss):
    trainer.model.classifier.bias.data[0] = float("inf")
    return loss * 0 + loss.detach()


@pytest.mark.parametrize("spoil", [_nan_loss, _infinite_gradient, _infinite_weight])
def test_training_stops_and_goes_on_from_before(trainings, tmp_path, capfd, spoil):
    whole, folder = tmp_path / "whole", tmp_path / "run"
    assert forked.run(trainings.train, whole, OFTEN) == 0
    assert forked.run(_spoilt, trainings, folder, 7, spoil) == 1
    said = capfd.readouterr().err
    assert "step 7" in said
    assert "train.learning_rate" in said
    assert ("rows.jsonl:" in said) == (spoil is not _infinite_weight)
    found, skipped = checkpoints.newest(folder / run.CHECKPOINTS)
    assert (found.step, skipped) == (6, [])
    assert forked.run(trainings.resume, folder) == 0
    assert sha256(folder) == sha256(whole)


def test_rate_that_is_far_too_large_ends_without_spoilt_weights(trainings, tmp_path, capfd):
    folder = tmp_path / "run"
    rate = "train.learning_rate=1e38"
    assert rate.partition("=")[0] in "".join(SHORT)
    assert forked.run(trainings.train, folder, OFTEN, rate, "train.weight_decay=1") == 1
    assert "DivergedError" in capfd.readouterr().err
    for path in folder.rglob("model.safetensors"):
        assert all(np.isfinite(weight).all() for weight in load_file(path).values())
