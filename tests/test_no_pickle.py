"""No file or message of bertkit is a pickle, and no text becomes code: neither in its source nor while it works."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import bertkit
from tests.command_line import LEARNS, environment

pytest_plugins = ("tests.fixtures",)

PACKAGE = Path(bertkit.__file__).parent
ROOT = Path(__file__).parents[1]
FILES = sorted(PACKAGE.rglob("*.py"))
MODULES = {"cloudpickle", "cPickle", "dill", "joblib", "marshal", "pickle", "shelve", "_pickle"}
CALLS = {
    "__import__",
    "compile",
    "eval",
    "exec",
    "os.popen",
    "os.system",
    "torch.load",
    "torch.save",
    "torch.hub.load",
    "yaml.load",
    "yaml.unsafe_load",
}
# They pickle what they send.
OBJECTS = {
    "all_gather_object",
    "broadcast_object_list",
    "gather_object",
    "recv_object_list",
    "scatter_object_list",
    "send_object_list",
}
# What must be said, and what may not be said, when these are called.
FIXED = {"shell": False, "trust_remote_code": False, "allow_pickle": False, "weights_only": True}
MAGIC = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")


def place(path):
    return path.relative_to(PACKAGE).as_posix()


@pytest.mark.parametrize("path", FILES, ids=place)
def test_source_neither_pickles_nor_runs_text(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        where = f"{place(path)}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.Import | ast.ImportFrom):
            module = getattr(node, "module", None) or ""
            names = {module.partition(".")[0], *(alias.name.partition(".")[0] for alias in node.names)}
            assert not names & MODULES, where
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        assert called not in CALLS, where
        assert called.rpartition(".")[2] not in OBJECTS, where
        for keyword in node.keywords:
            if keyword.arg in FIXED and isinstance(keyword.value, ast.Constant):
                assert keyword.value.value is FIXED[keyword.arg], f"{where}: {keyword.arg}"
        if called == "np.load":
            assert any(keyword.arg == "allow_pickle" for keyword in node.keywords), where


@pytest.fixture(scope="module")
def worked(tiny, reviews, tmp_path_factory):
    """What a training, an evaluation and a prediction did in one watched process, after the libraries were imported."""
    folder = tmp_path_factory.mktemp("worked")
    run = folder / "run"
    columns = ["--text", "text", "--label", "label"]
    changes = [part for change in LEARNS for part in ("--set", change)]
    train = ["finetune", "--data", reviews, "--model", tiny, "-o", run, *columns, *changes]
    cases = {
        "finetune": [*train, "--set", 'metrics=["evaluate:f1"]'],
        "eval": ["eval", "--run", run, "--backend", "torch", "--data", reviews],
        "eval on a graph": ["eval", "--run", run, "--data", reviews, "--overwrite"],
        "predict": ["predict", reviews, "--run", run, "-o", folder / "out.csv", "--backend", "onnx"],
        "predict with weights": ["predict", reviews, "--run", run, "-o", folder / "weights.csv", "--backend", "torch"],
    }
    job = {
        "cases": {name: [str(part) for part in arguments] for name, arguments in cases.items()},
        # What libraries unpickle of their own files while they are imported is not of bertkit's making.
        "imports": ["torch", "transformers", "datasets", "evaluate", "accelerate", "onnx", "onnxruntime"],
        "outside": "/nowhere",
        "inside": ["/"],
        "noted": ["pickle.dump", "pickle.dumps", "pickle.load", "pickle.loads", "torch.save", "torch.load"],
    }
    done = subprocess.run(
        [sys.executable, ROOT / "tests" / "engine" / "watched.py"],
        input=json.dumps(job),
        env=environment(
            PYTHONPATH=ROOT, HF_HUB_OFFLINE=1, HOME=folder, BERTKIT_RUNS=folder, BERTKIT_CACHE=folder / "c"
        ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder, json.loads(done.stdout)


@pytest.mark.parametrize("verb", ["finetune", "eval", "eval on a graph", "predict", "predict with weights"])
def test_nothing_is_pickled_or_unpickled(worked, verb):
    case = worked[1][verb]
    assert case["code"] == 0, case["err"]
    pickled = [event for event in case["events"] if event.startswith(("pickle.", "torch."))]
    assert pickled == []


def test_no_file_that_is_written_is_a_pickle(worked):
    files = [path for path in worked[0].rglob("*") if path.is_file()]
    assert len(files) > 8
    for path in files:
        start = path.read_bytes()[:4]
        assert not start.startswith(MAGIC), path
        assert start != b"PK\x03\x04" or path.suffix == ".npz", path
