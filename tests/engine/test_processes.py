"""Two real processes against one."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from bertkit import cli
from bertkit.commands._launch import Worker, first_failure
from bertkit.engine.batches import ShuffledBatches, steps
from tests.command_line import environment, write_csv, write_reviews

pytest_plugins = ("tests.fixtures",)

# The file that docs/scaling.md shows.
CONFIG = str(Path(__file__).parents[2] / "examples" / "accelerate.yaml")
PLAIN = ("--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no")
LAUNCHERS = {
    "bertkit": ("-m", "bertkit"),
    # Without a GPU, --multi_gpu still means several processes; --cpu would be one.
    "accelerate": ("-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2", *PLAIN, "-m", "bertkit"),
    "accelerate config": ("-m", "accelerate.commands.launch", "--config_file", CONFIG, "-m", "bertkit"),
    "torchrun": ("-m", "torch.distributed.run", "--nproc_per_node", "2", "-m", "bertkit"),
}


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return write_reviews(tmp_path_factory.mktemp("table") / "train.csv", rows=47)


def finetune(folder, table, output, *, launcher="bertkit", processes=1, batch_size=8, **settings):
    """Train in processes of their own and return what the command left behind."""
    changes = {"epochs": 2, "learning_rate": 0.01, "batch_size": batch_size, "extra.logging_steps": 1} | settings
    command = [sys.executable, *LAUNCHERS[launcher], "finetune", "--data", table, "--model", folder, "-o", output]
    command += ["--text", "text", "--label", "label"]
    command += [part for key, value in changes.items() for part in ("--set", f"train.{key}={value}")]
    command += ["--processes", processes] if launcher == "bertkit" else []
    return subprocess.run(
        [str(part) for part in command],
        env=environment(HF_HUB_OFFLINE=1, OMP_NUM_THREADS=1),
        capture_output=True,
        text=True,
        check=False,
    )


def curve(output):
    history = json.loads((output / "run.json").read_text())["training"]["history"]
    return [(entry["loss"], entry["grad_norm"]) for entry in history if "loss" in entry]


@pytest.fixture(scope="module")
def alone(tiny_without_dropout, table, tmp_path_factory):
    output = tmp_path_factory.mktemp("alone") / "run"
    assert finetune(tiny_without_dropout, table, output, batch_size=16).returncode == 0
    return output


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_two_processes_train_as_one_with_the_same_global_batch(launcher, alone, tiny_without_dropout, table, tmp_path):
    done = finetune(tiny_without_dropout, table, tmp_path / "run", launcher=launcher, processes=2)
    assert done.returncode == 0, done.stderr
    assert len(curve(alone)) == 6
    assert np.allclose(curve(tmp_path / "run"), curve(alone), rtol=1e-3, atol=1e-5)
    one, two = (load_file(folder / "model.safetensors") for folder in (alone, tmp_path / "run"))
    assert one.keys() == two.keys()
    assert max(np.abs(one[name] - two[name]).max() for name in one) < 1e-4
    assert done.stdout.count("Validation scores") == 1
    assert done.stderr.count("No validation file") == 1
    assert json.loads((tmp_path / "run" / "run.json").read_text())["training"]["processes"] == 2


def test_two_processes_eval_and_predict_as_one(bertkit, process, alone, table, tmp_path):
    named = ["--run", alone, "--data", table, "--json", "--overwrite", "--errors", tmp_path / "errors.csv"]
    one, two = (process("eval", *named, "--processes", count, OMP_NUM_THREADS=1) for count in (1, 2))
    assert one.code == two.code == 0, two.err
    assert one.document == two.document
    for count in (1, 2):
        done = process("predict", table, "--run", alone, "-o", tmp_path / f"{count}.csv", "--processes", count)
        assert done.code == 0, done.err
        assert done.out.count("rows written") == 1
    assert (tmp_path / "1.csv").read_bytes() == (tmp_path / "2.csv").read_bytes()


def test_two_processes_continue_a_prediction_that_was_killed(process, alone, tmp_path):
    rows = write_reviews(tmp_path / "rows.csv", rows=30_000)
    command = [sys.executable, "-m", "bertkit", "predict", rows, "--run", alone, "--processes", "2", "-o"]
    job = subprocess.Popen(
        [*map(str, command), str(tmp_path / "killed.csv")],
        env=environment(HF_HUB_OFFLINE=1, OMP_NUM_THREADS=1),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until((tmp_path / "killed.csv.part.journal").exists)
    for worker in children(job.pid):
        os.kill(worker, signal.SIGKILL)
    assert job.wait(60) == 3
    assert not (tmp_path / "killed.csv").exists()
    other = process("predict", rows, "--run", alone, "-o", tmp_path / "killed.csv")
    assert (other.code, "--processes (2 -> 1)" in other.err) == (2, True)
    for name in ("killed", "whole"):
        done = process(*map(str, command[3:]), tmp_path / f"{name}.csv", OMP_NUM_THREADS=1)
        assert done.code == 0, done.err
        assert ("continued after" in done.err) == (name == "killed")
    assert (tmp_path / "killed.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_several_processes_tell_an_error_once(process, tmp_path):
    done = process("finetune", "--data", "nothing.csv", "--processes", 2)
    assert (done.code, done.out) == (2, "")
    assert done.err.count('--data "nothing.csv": there is no such file') == 1
    done = process("finetune", "--data", "nothing.csv", "--processes", 2, "--json")
    assert done.document["error"]["code"] == "DataError"


@pytest.mark.parametrize(("world", "told"), [(3, "started 3 processes already"), (1, "there is no finished run")])
def test_processes_option_beside_another_launcher(process, world, told):
    done = process("predict", "nothing.csv", "--processes", 2, WORLD_SIZE=world, RANK=0)
    assert done.code == 2
    assert done.err.count(told) == 1


@pytest.mark.parametrize("name", ["FSDP", "DEEPSPEED"])
def test_launchers_that_divide_the_model_are_refused(process, table, name):
    done = process("finetune", "--data", table, **{f"ACCELERATE_USE_{name}": "true"})
    assert done.code == 2
    assert f"told to use {name}" in done.err


def test_several_processes_cannot_share_standard_input(process, alone):
    done = process("predict", "-", "--run", alone, "--processes", 2, stdin="text\na day\n")
    assert done.code == 2
    assert "cannot share standard input" in done.err


def test_fewer_rows_than_processes_are_refused(process, tiny, tmp_path):
    rows = write_csv(tmp_path / "few.csv", [["text", "label"], ["a", "x"], ["b", "y"]])
    done = process(
        "finetune", "--data", rows, "--validation", rows, "--model", tiny, "--processes", 3, "-o", tmp_path / "run"
    )
    assert done.code == 2
    assert "2 training rows that teach something, for 3 processes" in done.err
    assert not (tmp_path / "run").exists()


def test_a_failing_worker_ends_the_job_with_its_own_error(tiny, table, tmp_path):
    # The second process alone believes that the disk is full.
    (tmp_path / "sitecustomize.py").write_text(
        "import os, shutil\n"
        "if os.environ.get('RANK') == '1':\n"
        "    shutil.disk_usage = lambda path: shutil._ntuple_diskusage(0, 0, 0)\n"
    )
    command = [sys.executable, "-m", "bertkit", "finetune", "--data", table, "--model", tiny, "-o", tmp_path / "run"]
    done = subprocess.run(
        [*map(str, command), "--text", "text", "--label", "label", "--processes", "2", "--json"],
        env=environment(HF_HUB_OFFLINE=1, PYTHONPATH=f"{tmp_path}{os.pathsep}{os.getcwd()}"),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 3
    document = json.loads(done.stdout)
    assert "has 0 MiB free" in document["error"]["message"]
    assert "Traceback" not in done.stderr


def children(pid):
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(line) for line in listed.stdout.split()]


def until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.1)
    return found


@pytest.fixture
def long_training(tiny, table, tmp_path):
    """Two processes in the middle of a training."""
    command = [sys.executable, "-m", "bertkit", "finetune", "--data", table, "--model", tiny, "-o", tmp_path / "run"]
    command += ["--text", "text", "--label", "label", "--processes", "2", "--set", "train.epochs=500"]
    command += ["--set", "train.patience=0"]
    job = subprocess.Popen(
        list(map(str, command)),
        env=environment(HF_HUB_OFFLINE=1, OMP_NUM_THREADS=1),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    until(lambda: list(tmp_path.glob("run/checkpoints/*/trainer_state.json")))
    yield job
    job.kill()


def test_a_killed_worker_ends_the_job(long_training):
    workers = children(long_training.pid)
    assert len(workers) == 2
    os.kill(workers[1], signal.SIGKILL)
    _, err = long_training.communicate(timeout=60)
    assert long_training.returncode == 3
    assert "process 1 of 2 was ended by SIGKILL" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_all_processes_after_the_same_step(long_training, process, number, tmp_path):
    long_training.send_signal(number)
    _, err = long_training.communicate(timeout=60)
    assert long_training.returncode == 128 + number
    assert err.count("bertkit finetune --resume") == 1
    assert list(tmp_path.glob("run/checkpoints/*/trainer_state.json"))
    assert f"--resume {tmp_path / 'run'} --processes 2" in err
    assert "Error: interrupted" not in err
    alone = process("finetune", "--resume", tmp_path / "run")
    assert alone.code == 2
    assert "was started with 2 processes" in alone.err
    assert "--processes 2" in alone.err


@pytest.mark.parametrize(("count", "batch_size"), [(47, 16), (64, 8), (9, 4), (3, 1), (100, 3)])
@pytest.mark.parametrize("processes", [1, 2, 3])
def test_processes_share_the_batches_of_one(count, batch_size, processes):
    shares = [list(ShuffledBatches(count, batch_size, 1, index, processes)) for index in range(processes)]
    assert {len(share) for share in shares} == {steps(count, batch_size, processes)}
    assert all(batch for share in shares for batch in share)
    assert sorted(row for share in shares for batch in share for row in batch) == list(range(count))


@pytest.mark.parametrize(("count", "batch_size"), [(47, 16), (64, 8), (100, 3)])
@pytest.mark.parametrize("processes", [2, 3])
def test_a_step_of_several_processes_is_the_step_of_one(count, batch_size, processes):
    shares = [list(ShuffledBatches(count, batch_size, 1, index, processes)) for index in range(processes)]
    together = [sorted(row for part in batch for row in part) for batch in zip(*shares, strict=True)]
    assert together == [sorted(batch) for batch in ShuffledBatches(count, batch_size * processes, 1)]


class Ended:
    """A process that ends with a code after some looks at it."""

    def __init__(self, code, looks=0):
        self.code, self.looks, self.returncode = code, looks, None

    def poll(self):
        self.looks -= 1
        self.returncode = self.code if self.looks < 0 else None
        return self.returncode

    def wait(self, timeout):
        self.returncode = self.code
        return self.code


@pytest.mark.parametrize(
    ("codes", "shown"),
    [
        ([(0, 0), (0, 2)], None),
        ([(75, 0), (3, 2)], 1),
        ([(75, 2), (3, 0)], 1),
        ([(2, 2), (2, 0)], 0),
        ([(2, 0), (2, 2)], 0),
        ([(130, 0), (130, 1)], 0),
        ([(0, 0), (70, 1)], 1),
        ([(75, 0), (75, 0)], 0),
    ],
)
def test_first_failure_is_the_cause_whoever_ends_first(codes, shown):
    workers = [Worker(Ended(*code)) for code in codes]
    found = first_failure(workers)
    assert found is (None if shown is None else workers[shown])


def test_processes_option_is_there_for_the_verbs_that_share_work(bertkit):
    for verb in cli.SHARED:
        assert "--processes" in bertkit(verb, "--help").out
