"""What a verb does not use, it does not import."""

import subprocess
import sys

import pytest

from tests.command_line import environment, write_csv

pytest_plugins = ("tests.fixtures",)

SLOW = ("torch", "transformers", "datasets", "evaluate", "onnx", "accelerate", "huggingface_hub", "pyarrow")
COMMAND = "from bertkit import cli; assert cli.run(sys.argv[1:]) == 0"
PYTHON = "import bertkit; assert bertkit.load_run(sys.argv[1]).predict(['a fine day', 'a dull day'])"
TELL = "print('imported:', *sorted(set(sys.modules) & set(SLOW)))"


@pytest.fixture
def imported(monkeypatch):
    """What a program imports in a process of its own, where no GPU can be seen."""

    def run(program, *arguments):
        code = "\n".join(["import sys", f"SLOW = {SLOW}", program, TELL])
        done = subprocess.run(
            [sys.executable, "-c", code, *map(str, arguments)],
            env=environment(CUDA_VISIBLE_DEVICES=""),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()[-1].removeprefix("imported:").split()

    return run


@pytest.fixture
def table(tmp_path):
    return write_csv(tmp_path / "days.csv", [["text"], *([f"a fine day {n}"] for n in range(10))])


@pytest.mark.parametrize("arguments", [["--help"], ["predict", "--help"], ["runs", "list"]])
def test_help_and_lists_import_nothing_slow(imported, arguments):
    assert imported(COMMAND, *arguments) == []


def test_predict_on_a_graph_imports_nothing_slow(imported, finished, table):
    assert imported(COMMAND, "predict", table, "--run", finished, "--backend", "onnx") == []


def test_predict_of_one_row_imports_nothing_slow(imported, finished):
    assert imported(COMMAND, "predict", "--with", "text=a fine day", "--run", finished, "--backend", "onnx") == []


def test_eval_on_a_graph_imports_nothing_slow(imported, finished, reviews):
    arguments = (
        "eval",
        "--data",
        reviews,
        "--run",
        finished,
        "--backend",
        "onnx",
        "--errors",
        reviews.parent / "e.csv",
    )
    assert imported(COMMAND, *arguments, "--overwrite") == []


def test_python_on_a_graph_imports_nothing_slow(imported, finished):
    program = PYTHON.replace("load_run(sys.argv[1])", "load_run(sys.argv[1], backend='onnx')")
    assert imported(program, finished) == []


def test_predict_on_the_weights_imports_torch(imported, finished, table):
    assert {"torch", "transformers"} <= set(
        imported(COMMAND, "predict", table, "--run", finished, "--backend", "torch")
    )


@pytest.mark.parametrize("program", [COMMAND, PYTHON])
def test_nothing_is_written_down_for_the_makers_of_onnx_runtime(program, finished, table, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    arguments = ["predict", table, "--run", finished, "--backend", "onnx"] if program == COMMAND else [finished]
    subprocess.run(
        [sys.executable, "-c", f"import sys\n{program}", *map(str, arguments)],
        env=environment(HOME=home, XDG_CACHE_HOME=home / ".cache"),
        check=True,
        capture_output=True,
    )
    assert list(home.rglob("*onnxruntime*")) == []
