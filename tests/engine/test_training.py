"""Training on a tiny random model: what a run holds, what it repeats and what it survives."""

import csv
import hashlib
import json
import os
import random
import shutil
import signal
from functools import partial

import numpy as np
import pytest
from safetensors.numpy import load_file

import bertkit
from bertkit.engine import load, run
from bertkit.engine.finetune import resume
from bertkit.errors import DataError, Interrupted, RecipeError, RunError, UsageError

ROWS = 30
STEPS = 4  # of an epoch: 30 rows in batches of 8
WORDS = ("plot", "actor", "music", "scene", "slow", "long", "film", "story")


def write_rows(path, count, seed):
    generator = random.Random(seed)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["text", "label"])
        for line in range(count):
            label = ("bad", "good")[line % 2]
            words = generator.choices(WORDS, k=generator.randint(1, 30)) + [label] * generator.randint(1, 3)
            writer.writerow([" ".join(words), label])
    return path


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rows")
    return {
        "data": str(write_rows(folder / "train.csv", ROWS, seed=1)),
        "validation": str(write_rows(folder / "validation.csv", 20, seed=2)),
    }


@pytest.fixture(scope="module")
def trained(files, tiny):
    """Fine-tunes on a small table; the keywords are those of bertkit.finetune."""

    def run_it(*overrides, **keywords):
        settings = ["train.epochs=2", "train.batch_size=8", "train.learning_rate=1e-3", "train.extra.logging_steps=1"]
        return bertkit.finetune(overrides=[*settings, *overrides], **{"model": str(tiny), **files, **keywords})

    return run_it


@pytest.fixture(scope="module")
def whole(trained, tmp_path_factory):
    """A run that nothing disturbed."""
    return trained(output=str(tmp_path_factory.mktemp("whole") / "run"))


@pytest.fixture
def old(whole, tmp_path):
    """A copy of it, where `train` would write."""
    return run.load(shutil.copytree(whole.folder, tmp_path / "run"))


@pytest.fixture
def train(trained, tmp_path):
    """Fine-tunes into a folder of the test."""
    return partial(trained, output=str(tmp_path / "run"))


class Signal:
    """A progress callback that sends Ctrl-C to this process when a step is done."""

    def __init__(self, step):
        self.step = step

    def __call__(self, phase, done, total, **facts):
        if done == self.step:
            self.step = None
            os.kill(os.getpid(), signal.SIGINT)


class BrokenError(Exception):
    pass


class Fail:
    """A progress callback that fails when a step is done."""

    def __init__(self, step):
        self.step = step

    def __call__(self, phase, done, total, **facts):
        if done == self.step:
            raise BrokenError


def sha256(finished):
    return hashlib.sha256((finished.folder / "model.safetensors").read_bytes()).hexdigest()


def steps(finished, name):
    return [entry[name] for entry in finished.info["training"]["history"] if name in entry]


def test_training_leaves_a_run_without_pickles_or_leftovers(whole):
    assert {path.name for path in whole.folder.rglob("*")} == {
        "backends.json",
        "config.json",
        "model.onnx",
        "model.onnx.data",
        "model.safetensors",
        "onnx",
        "recipe.toml",
        "run.json",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    assert run.load(whole.folder).info == json.loads(json.dumps(whole.info))
    assert whole.info["training"]["steps"] == 2 * STEPS
    assert whole.info["adapter"]["labels"] == ["bad", "good"]


def test_training_learns(train):
    finished = train("train.epochs=8", "train.learning_rate=5e-3", "train.metric=roc_auc")
    assert finished.info["scores"]["validation"]["roc_auc"] > 0.9
    assert steps(finished, "loss")[-1] < steps(finished, "loss")[0]


def test_finished_folder_loads_in_plain_transformers_and_answers_the_same(whole, files):
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    network = AutoModelForSequenceClassification.from_pretrained(whole.folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(whole.folder)
    rows = load.file(files["validation"], whole.recipe, whole.adapter).rows
    inputs = tokenizer([row.values["text"] for row in rows], padding=True, truncation=True, return_tensors="pt")
    with torch.no_grad():
        plain = network(**inputs).logits.softmax(-1).numpy()
    records = bertkit.load_run(whole.folder).answer(rows)
    assert [list(record.detail) for record in records] == [[network.config.id2label[i] for i in range(2)]] * len(rows)
    assert np.abs(plain - [list(record.detail.values()) for record in records]).max() < 1e-6


def test_accumulation_changes_neither_loss_nor_gradient_nor_weights(train, tiny_without_dropout, tmp_path):
    single, parts = (
        train(f"train.accumulation={number}", model=str(tiny_without_dropout), output=str(tmp_path / str(number)))
        for number in (1, 4)
    )
    for name in ("loss", "grad_norm"):
        assert len(steps(single, name)) == 2 * STEPS
        assert steps(parts, name) == pytest.approx(steps(single, name), rel=1e-4)
    one, other = (load_file(each.folder / "model.safetensors") for each in (single, parts))
    assert max(np.abs(one[name] - other[name]).max() for name in one) < 1e-5


def test_logged_loss_is_the_mean_over_the_rows_of_a_step(train, tiny_without_dropout):
    finished = train("train.learning_rate=1e-12", "train.batch_size=32", model=str(tiny_without_dropout))
    adapter, encoder = finished.adapter, finished.encoder()
    rows = load.split(finished.recipe, "train", adapter).rows
    encoded = adapter.encode(rows, encoder, targets=True)
    import torch

    logits = torch.from_numpy(np.stack(bertkit.load_run(finished.folder).forward(encoded.windows)))
    mean = adapter.loss(logits, torch.from_numpy(adapter.target_batch(encoded.windows))).item() / len(rows)
    assert steps(finished, "loss")[0] == pytest.approx(mean, abs=1e-5)


def test_same_seed_gives_the_same_weights_and_another_seed_others(train, whole, tmp_path):
    same, other = train(), train("train.seed=7", output=str(tmp_path / "other"))
    assert sha256(whole) == sha256(same) != sha256(other)
    assert whole.info["scores"] == same.info["scores"]


@pytest.mark.parametrize("step", [1, STEPS - 1, STEPS, STEPS + 1, 2 * STEPS])
def test_interrupted_training_resumes_to_the_very_same_weights(train, whole, tmp_path, step):
    with pytest.raises(Interrupted, match=f"stopped after step {step} of {2 * STEPS}") as stopped:
        train(progress=Signal(step))
    folder = tmp_path / "run"
    assert stopped.value.exit_code == 130
    assert stopped.value.hint == f"bertkit finetune --resume {folder}"
    with pytest.raises(RunError, match="is not finished") as unfinished:
        run.load(folder)
    assert unfinished.value.hint == stopped.value.hint
    resumed = resume(folder)
    assert sha256(resumed) == sha256(whole)
    assert resumed.info["scores"] == whole.info["scores"]
    assert steps(resumed, "eval_accuracy") == steps(whole, "eval_accuracy")
    assert not (folder / run.CHECKPOINTS).exists()


def test_interrupted_training_keeps_its_patience(train, tmp_path):
    settings = ("train.epochs=9", "train.learning_rate=1e-9", "train.patience=2", "adapter.threshold=off")
    assert train(*settings, output=str(tmp_path / "whole")).info["training"]["steps"] == 3 * STEPS
    with pytest.raises(Interrupted):
        train(*settings, progress=Signal(2 * STEPS + 1))
    assert resume(tmp_path / "run").info["training"]["steps"] == 3 * STEPS


@pytest.mark.parametrize("place", [".", "elsewhere"])
def test_resume_of_another_spelling_of_the_folder_finishes_in_place(train, tmp_path, monkeypatch, place):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Interrupted):
        train(output="run", progress=Signal(2))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / place)
    finished = resume(tmp_path / "run")
    assert finished.folder == tmp_path / "run"
    assert run.load(tmp_path / "run").info["training"]["steps"] == 2 * STEPS


def test_resume_on_changed_rows_is_refused(train, tmp_path):
    mine = write_rows(tmp_path / "mine.csv", ROWS, seed=1)
    with pytest.raises(Interrupted):
        train(data=str(mine), progress=Signal(2))
    write_rows(mine, ROWS, seed=9)
    with pytest.raises(RunError, match="the training rows have changed"):
        resume(tmp_path / "run")


def test_resume_of_a_finished_run_is_refused(whole):
    with pytest.raises(RunError, match="is no interrupted run"):
        resume(whole.folder)


def test_failure_before_the_first_checkpoint_leaves_no_folder(train, tmp_path):
    with pytest.raises(BrokenError):
        train(progress=Fail(1))
    assert not (tmp_path / "run").exists()


def test_mistake_before_training_leaves_no_folder(train, tmp_path):
    with pytest.raises(RecipeError, match='no metric "f1"'):
        train("train.metric=f1")
    with pytest.raises(DataError, match="nothing"):
        train("columns.label=nothing")
    assert not (tmp_path / "run").exists()


def test_existing_run_is_not_touched_without_overwrite(train, old):
    with pytest.raises(UsageError, match="exists and is not empty"):
        train("train.seed=7")
    assert run.load(old.folder).info == old.info


@pytest.mark.parametrize("step", [1, STEPS + 1])
def test_overwrite_keeps_the_old_run_until_the_new_one_is_complete(train, old, step):
    before = sha256(old)
    with pytest.raises(BrokenError):
        train("train.seed=7", overwrite=True, progress=Fail(step))
    assert sha256(run.load(old.folder)) == before
    if step > STEPS:
        with pytest.raises(UsageError, match=r"run\.new holds an earlier training that was to replace"):
            train("train.seed=8", overwrite=True)
        shutil.rmtree(old.folder.with_name("run.new"))
    done = []
    new = train("train.seed=8", overwrite=True, progress=lambda phase, step, total, **facts: done.append(step))
    assert new.folder == old.folder
    assert run.load(new.folder).recipe.train.seed == 8
    assert done[0] == 1
    assert list(old.folder.parent.glob("run*")) == [old.folder]


def test_interrupted_overwrite_resumes_in_the_place_of_the_old_run(train, old):
    before = sha256(old)
    with pytest.raises(Interrupted) as stopped:
        train("train.seed=7", overwrite=True, progress=Signal(2))
    assert sha256(run.load(old.folder)) == before
    finished = resume(old.folder.with_name(stopped.value.hint.rpartition("/")[2]))
    assert finished.folder == old.folder
    assert run.load(old.folder).recipe.train.seed == 7
    assert list(old.folder.parent.glob("run*")) == [old.folder]


def test_best_epoch_is_kept(train, tmp_path):
    checkpoints = tmp_path / "run" / run.CHECKPOINTS
    seen = {}

    def watch(phase, done, total, **facts):
        for path in checkpoints.glob("checkpoint-*/model.safetensors"):
            if path.parent.name not in seen:
                seen[path.parent.name] = shutil.copy(path, tmp_path / f"{path.parent.name}.safetensors")

    finished = train("train.epochs=6", "train.learning_rate=2e-2", "train.metric=roc_auc", progress=watch)
    training = finished.info["training"]
    values = {entry["step"]: entry["eval_roc_auc"] for entry in training["history"] if "eval_roc_auc" in entry}
    best = training["best_step"]
    assert best < max(values)
    assert values[best] == max(values.values()) == finished.info["scores"]["validation"]["roc_auc"]
    kept, wanted = (load_file(path) for path in (finished.folder / "model.safetensors", seen[f"checkpoint-{best}"]))
    assert all(np.array_equal(kept[name], wanted[name]) for name in wanted)


def test_held_out_rows_are_remembered_and_scored_again(train):
    finished = train(validation=None)
    held = finished.held_out()
    assert len(held) == 3
    info = finished.info["data"]
    assert (info["train"]["rows"], info["validation"]["rows"]) == (27, 3)
    evaluation = bertkit.evaluate(finished.folder)
    assert evaluation.scores == pytest.approx(finished.info["scores"]["validation"], nan_ok=True)


def test_empty_output_folder_is_used(train, tmp_path):
    (tmp_path / "run").mkdir()
    assert train().folder == tmp_path / "run"
    assert not list(tmp_path.glob("*.new"))


@pytest.mark.parametrize("kind", ["multi", "number"])
def test_other_kinds_of_labels_train_score_and_predict(tmp_path, tiny, kind):
    cells = {"multi": ["joy", "joy,love", "", "love"], "number": ["0.5", "1", "2.5", "-3"]}[kind]
    path = tmp_path / "rows.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([["text", "label"], *([f"row {i}", cells[i % 4]] for i in range(24))])
    finished = bertkit.finetune(data=str(path), model=str(tiny), overrides=["train.epochs=1", f"adapter.labels={kind}"])
    assert finished.adapter.metric in finished.info["scores"]["validation"]
    evaluation = bertkit.evaluate(finished.folder)
    assert evaluation.scores == pytest.approx(finished.info["scores"]["validation"], nan_ok=True, abs=1e-6)


def test_gradient_checkpointing_changes_nothing_but_memory(train, tiny_without_dropout, tmp_path):
    for number, on in enumerate(("false", "true")):
        train(f"train.gradient_checkpointing={on}", model=str(tiny_without_dropout), output=str(tmp_path / str(number)))
    first, second = (load_file(tmp_path / str(number) / "model.safetensors") for number in range(2))
    assert all(np.allclose(first[name], second[name], atol=1e-6) for name in first)
