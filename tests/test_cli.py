import io
import json
import os
import signal
import subprocess
import sys

import pytest

from bertkit import cli
from tests.command_line import NOWHERE, environment, leaves, write_csv, write_reviews

pytest_plugins = ("tests.fixtures",)

# What each verb needs to do its work, and what it cannot do; {} are filled in by the test.
GOOD = {
    ("eval",): ["--run", "{run}", "--errors", "{tmp}/errors.csv"],
    ("export",): ["{run}", "--to", "onnx"],
    ("finetune",): ["--data", "{data}", "--model", "{tiny}", "--set", "train.epochs=1", "-o", "{tmp}/new"],
    ("data", "check"): ["{data}", "--model", "none"],
    ("models",): [],
    ("predict",): ["{data}", "--run", "{run}", "-o", "{tmp}/answers.csv"],
    ("runs", "list"): [],
    ("runs", "show"): ["{run}"],
    ("tasks", "check"): ["sentiment"],
    ("tasks", "copy"): ["sentiment", "{tmp}/mine"],
    ("tasks", "list"): [],
    ("tasks", "show"): ["sentiment", "--set", "train.epochs=3"],
}
BAD = {
    ("doctor",): ["--nonsense"],
    ("eval",): ["--run", "nowhere"],
    ("export",): ["nowhere"],
    ("finetune",): ["sentiment", "--set", "train.epoch=3"],
    ("data", "check"): ["nowhere.csv"],
    ("models",): ["surplus"],
    ("predict",): ["nowhere.csv", "--run", "{run}"],
    ("runs", "list"): ["--nonsense"],
    ("runs", "show"): ["nowhere"],
    ("tasks", "check"): ["nowhere"],
    ("tasks", "copy"): ["sentiment", "{tmp}"],
    ("tasks", "list"): ["--nonsense"],
    ("tasks", "show"): ["sentiment", "--set", "nonsense"],
}
RESUMABLE = ("train.epochs=5", "train.batch_size=8", "train.patience=0")


@pytest.fixture
def filled(finished, reviews, tiny, tmp_path):
    """Put the places of this session into arguments."""

    def fill(words):
        return [word.format(run=finished, data=reviews, tiny=tiny, tmp=tmp_path) for word in words]

    return fill


def test_json_cases_cover_every_verb():
    # doctor trains for a while, so tests/engine/test_doctor.py looks at its document.
    assert set(GOOD) | {("doctor",)} == set(BAD) == set(leaves())


@pytest.mark.parametrize("words", GOOD, ids=" ".join)
def test_json_of_success_is_one_document(bertkit, filled, words):
    done = bertkit(*words, *filled(GOOD[words]), "--json")
    assert done.code == 0
    assert set(done.document) == {"schema", "ok", "data", "warnings"}
    assert done.document["ok"] is True
    assert done.document["data"]


@pytest.mark.parametrize("words", BAD, ids=" ".join)
def test_json_of_failure_is_one_document(bertkit, filled, words):
    done = bertkit(*words, *filled(BAD[words]), "--json")
    assert done.code == 2
    assert done.document["ok"] is False
    assert done.document["error"]["message"]
    assert "Error" not in done.err


@pytest.mark.parametrize("words", BAD, ids=" ".join)
def test_failure_is_told_on_stderr_and_leaves_stdout_empty(bertkit, filled, words):
    done = bertkit(*words, *filled(BAD[words]), "--quiet")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("Error: ")
    assert "\nTry: " in done.err


@pytest.mark.parametrize("words", [("tasks", "list"), ("models",), ("runs", "list")], ids=" ".join)
def test_results_go_to_stdout_and_nothing_else(bertkit, words):
    done = bertkit(*words)
    assert done.code == 0
    assert done.out
    assert done.err == ""


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (("finetune",), "UsageError"),
        (("finetune", "--seeds", "0", "sentiment"), "UsageError"),
        (("nonsense",), "UsageError"),
        (("finetune", "sentiment", "--set", "train.epochs=three"), "RecipeError"),
        (("finetune", "nowhere"), "RecipeError"),
        (("finetune", "--data", "nowhere.csv"), "DataError"),
        (("finetune", "sentiment", "--data", "sample", "--model", "bert-huge"), "ModelError"),
        (("eval",), "RunError"),
        (("predict", "x.csv"), "RunError"),
        (("finetune", "--resume", "nowhere"), "RunError"),
    ],
)
def test_exit_2_is_what_the_user_can_fix(bertkit, arguments, kind):
    done = bertkit(*arguments, "--json")
    assert (done.code, done.document["error"]["code"]) == (2, kind)


def test_exit_3_without_network_and_cache_says_what_to_do(process, tmp_path):
    arguments = ("finetune", "sentiment", "--data", "sample", "--model", "bert-base-uncased", "--json")
    done = process(*arguments, HF_ENDPOINT=NOWHERE, HF_HUB_OFFLINE=0, BERTKIT_RUNS=tmp_path / "runs")
    assert done.code == 3
    assert done.document["error"]["code"] == "MachineError"
    assert "--model minilm" in done.document["error"]["hint"]
    assert not (tmp_path / "runs").exists()


def test_exit_70_keeps_the_traceback_and_the_document(bertkit, finished, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("a slip")

    monkeypatch.setattr("bertkit.engine.evaluate.evaluate", broken)
    done = bertkit("eval", "--run", finished, "--json")
    assert done.code == 70
    assert 'raise RuntimeError("a slip")' in done.err
    assert "a slip" in done.document["error"]["message"]


def test_exit_130_before_training_says_interrupted(bertkit, finished, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("bertkit.engine.evaluate.evaluate", interrupted)
    done = bertkit("eval", "--run", finished, "--json")
    assert (done.code, done.document["error"]["code"]) == (130, "Interrupted")


def test_warnings_of_one_command_do_not_reach_the_next(bertkit, finished, tmp_path):
    gap = write_csv(tmp_path / "gap.csv", [["text", "id"], ["a fine day", "1"], ["", "2"]])
    assert bertkit("predict", gap, "--run", finished, "--json").document["warnings"]
    assert bertkit("tasks", "list", "--json").document["warnings"] == []


def test_quiet_predict_streams_rows_and_nothing_else(process, finished):
    done = process("predict", "-", "--run", finished, "-o", "-", "--quiet", stdin="id,text\n007,a fine day\nNA,\n")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0] == "id,text,answer,score"
    assert lines[1].startswith("007,a fine day,good,0.")
    assert lines[2:] == ["NA,,,"]


@pytest.mark.parametrize("arguments", [("tasks", "list"), ("tasks", "list", "--json")])
def test_closed_pipe_is_quiet(arguments):
    command = [sys.executable, "-m", "bertkit", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        running.stdout.close()
        assert running.stderr.read() == b""
        assert running.wait() == 0


def test_run_leaves_exits_of_others_alone(monkeypatch):
    def leaving(arguments):
        raise SystemExit(5)

    monkeypatch.setattr(cli, "build", leaving)
    with pytest.raises(SystemExit, match="5"):
        cli.run(["tasks", "list"])


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_saves_the_state_and_resume_finishes(process, tiny, tmp_path, number, code):
    data = write_reviews(tmp_path / "train.csv", rows=100)
    output = tmp_path / "run"
    settings = [word for value in RESUMABLE for word in ("--set", value)]
    arguments = ["finetune", "--data", data, "--model", tiny, "-o", output, *settings]
    command = [sys.executable, "-m", "bertkit", *map(str, arguments)]
    with subprocess.Popen(command, env=environment(HF_HUB_OFFLINE=1), stderr=subprocess.PIPE, text=True) as running:
        while not (line := running.stderr.readline()).startswith("train "):
            assert line, "the training ended before its first step"
        running.send_signal(number)
        rest = running.stderr.read()
        assert running.wait() == code
    assert f"Try: bertkit finetune --resume {output}" in rest
    assert str(output) in process("eval", "--run", output).err
    assert process("finetune", "--resume", output).code == 0
    done = process("eval", "--run", output, "--json")
    assert done.code == 0
    assert done.document["data"]["rows"] == 10


def test_main_ends_with_the_exit_code(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["bertkit", "tasks", "show", "nowhere", "--json"])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 2
    assert json.load(io.StringIO(capsys.readouterr().out))["ok"] is False


@pytest.mark.parametrize("flags", [[], ["-v"]])
def test_libraries_are_quiet_unless_asked(monkeypatch, flags):
    monkeypatch.delenv("TRANSFORMERS_VERBOSITY", raising=False)
    cli.run(["runs", "list", "--json", *flags])
    assert (os.environ.get("TRANSFORMERS_VERBOSITY") == "error") is (not flags)
