"""SIGTERM and Ctrl-C at any time: what was trained is saved, and goes on as if nothing had been."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from bertkit.engine import run
from tests.command_line import environment
from tests.reliability import forked
from tests.reliability.sizes import size
from tests.reliability.trainings import OFTEN, SHORT, killed_after, scores, sha256, steps

pytestmark = [pytest.mark.soak, pytest.mark.forks]
NUMBERS = (signal.SIGINT, signal.SIGTERM)


@pytest.fixture(scope="module")
def whole(trainings, tmp_path_factory):
    """A run that nothing disturbed, and how long it took."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    return folder, forked.seconds(trainings.train, folder)


def assert_goes_on(trainings, folder, reference):
    assert forked.run(trainings.resume, folder) == 0
    assert sha256(folder) == sha256(reference)
    assert scores(folder) == scores(reference)


def _signalled_in(trainings, folder, module, name, call, number):
    """Train, where a function of bertkit gets a signal when it is called for the n-th time."""
    import importlib

    owner = importlib.import_module(f"bertkit.engine.{module}")
    owner, name = (getattr(owner, name.partition(".")[0]), name.partition(".")[2]) if "." in name else (owner, name)
    real = getattr(owner, name)
    calls = []

    def signalled(*given, **named):
        calls.append(None)
        if len(calls) == call:
            os.kill(os.getpid(), number)
        return real(*given, **named)

    setattr(owner, name, signalled)
    return trainings.train(folder)


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize(
    ("module", "name", "call", "left"),
    [
        ("load", "examples", 1, "nothing"),
        ("prepare", "load_encoder", 1, "nothing"),
        ("model", "for_training", 1, "1"),
        ("trainer", "EncoderTrainer.training_step", 3, "3"),
        ("checkpoints", "manifest.write", 1, "5"),
        # Of the second epoch: its step is saved, and its scores come first when the training goes on.
        ("forward", "Forward._logits", 2, "8.unscored"),
        # The one after the training.
        ("forward", "Forward._logits", 4, "12"),
        ("train", "save_tokenizer", 1, "all"),
    ],
)
def test_signal_in_a_phase(trainings, whole, tmp_path, module, name, call, left, number):
    folder = tmp_path / "run"
    assert forked.run(_signalled_in, trainings, folder, module, name, call, number) == 128 + number
    if left == "nothing":
        assert list(tmp_path.iterdir()) == []
        return
    if left == "all":
        assert run.load(folder).info["training"]["steps"] == 12
    else:
        assert (folder / run.CHECKPOINTS / f"checkpoint-{left}").is_dir()
    assert_goes_on(trainings, folder, whole[0])


def test_signal_while_the_rows_of_a_resumed_run_are_read_changes_nothing(trainings, tmp_path):
    folder = tmp_path / "run"
    assert forked.run(lambda: trainings.train(folder, progress=killed_after(5, signal.SIGTERM))) == 143
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}

    def resumed():
        from bertkit.engine import load

        load.examples = lambda *_: os.kill(os.getpid(), signal.SIGTERM)
        return trainings.resume(folder)

    assert forked.run(resumed) == 143
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_signals_at_any_time(trainings, whole, tmp_path):
    reference, seconds = whole
    drawn = random.Random(11)
    for case in range(size(6, 50)):
        folder = tmp_path / str(case)
        number = drawn.choice(NUMBERS)
        after = drawn.uniform(0.05, seconds)
        code = forked.run(lambda folder=folder: trainings.train(folder, OFTEN), kill_after=after, number=number)
        # At the very beginning, Python itself is ended by the signal, or the handlers are not there yet.
        assert code in (0, 128 + number, -number, 70)
        assert code != 70 or not folder.exists()
        if folder.exists():
            assert_goes_on(trainings, folder, reference)


def test_second_signal_ends_at_once(trainings, whole, tmp_path):
    drawn = random.Random(13)
    for case in range(size(4, 50)):
        folder = tmp_path / str(case)
        process = forked.FORK.Process(
            target=lambda folder=folder: os._exit(trainings.train(folder, OFTEN, progress=killed_after(3, 15)))
        )
        process.start()
        while not steps(folder) and process.is_alive():
            time.sleep(0.001)
        time.sleep(drawn.uniform(0, 0.05))
        if process.is_alive():
            os.kill(process.pid, signal.SIGTERM)
        process.join()
        assert process.exitcode == 143
        assert_goes_on(trainings, folder, whole[0])


@pytest.mark.slow
@pytest.mark.parametrize("case", range(size(2, 30)))
def test_signal_to_a_command(trainings, tmp_path, case):
    drawn = random.Random(case)
    number = drawn.choice(NUMBERS)
    folder = tmp_path / "run"
    recipe = trainings.recipes["sequence-classification"]
    rows = recipe.with_name("rows.jsonl")
    command = [sys.executable, "-m", "bertkit", "finetune", recipe, "--model", trainings.model, "--data", rows]
    command += ["--validation", rows, "-o", folder]
    command += [word for value in (*SHORT, "train.epochs=20", "train.patience=0") for word in ("--set", value)]
    settings = environment(HF_HUB_OFFLINE=1, OMP_NUM_THREADS=1)
    with subprocess.Popen([*map(str, command)], env=settings, stderr=subprocess.PIPE, text=True) as running:
        time.sleep(drawn.uniform(1, 6))
        running.send_signal(number)
        _, said = running.communicate()
    if running.returncode == -number:
        # Python itself was still starting.
        assert not folder.exists()
        return
    assert running.returncode in (0, 128 + number)
    assert "Traceback" not in said
    if folder.exists() and not (folder / run.RUN_FILE).exists():
        assert f"bertkit finetune --resume {folder}" in said
        assert forked.run(trainings.resume, folder) == 0
