import shutil

import pytest
from safetensors.numpy import load_file, save_file

from bertkit.engine import model, run
from bertkit.errors import RunError

pytest_plugins = ("tests.fixtures",)


def test_a_checkpoint_that_was_not_trained_for_the_task_never_answers(tiny, finished):
    with pytest.raises(RunError, match=r"the weights lack classifier\.bias, classifier\.weight"):
        model.for_prediction(tiny, run.load(finished).adapter)


def test_weights_of_another_number_of_labels_never_answer(finished, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(finished, folder)
    path = folder / "model.safetensors"
    weights = load_file(path)
    weights["classifier.bias"] = weights["classifier.bias"][:1]
    save_file(weights, path, {"format": "pt"})
    with pytest.raises(RunError, match=r"the weights lack .*classifier\.bias"):
        model.for_prediction(folder, run.load(finished).adapter)
