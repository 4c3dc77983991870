"""Metrics that a recipe names, in a process that cannot reach any network."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import sklearn.metrics as sk

import bertkit.data.hub_metrics as hub_metrics

CHILD = """
import json, logging, sys
import numpy as np
from bertkit.data import hub_metrics
from bertkit.errors import BertkitError

FOLDERS = ("folder", "empty")
notes = []
handler = logging.Handler()
handler.emit = lambda record: notes.append(record.getMessage())
logging.getLogger("bertkit").addHandler(handler)

def run(name, gold, answers, options):
    notes.clear()
    try:
        compute = hub_metrics.compute_script if "." in name or name in FOLDERS else hub_metrics.compute
        scores = compute(name, np.array(gold), np.array(answers), **options)
    except BertkitError as error:
        kind = {"kind": type(error).__name__, "exit_code": error.exit_code}
        return {**kind, "message": error.message, "hint": error.hint, "notes": [*notes]}
    return {"scores": scores, "notes": [*notes]}

json.dump([run(*case) for case in json.load(sys.stdin)], sys.stdout)
"""
OWN = """
import datasets
import evaluate
{imports}

class Own(evaluate.Metric):
    def _info(self):
        value = datasets.Value("int32")
        features = datasets.Features({{"predictions": value, "references": value}})
        return evaluate.MetricInfo(description="", citation="", features=features)

    def _compute(self, predictions, references):
        return {result}
"""
BINARY = [[0, 1, 1, 0, 1], [0, 1, 0, 1, 1]]
CLASSES = [[0, 1, 2, 2, 1], [0, 2, 2, 1, 1]]
LABELS = [[[0, 1], [1, 1], [1, 0]], [[0, 1], [0, 1], [1, 1]]]
NUMBERS = [[0.5, 1.5, 2.0], [0.0, 1.5, 3.0]]
MIXED = {"own": 2.5, "each": [1, 2], "text": "x"}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    (home / "folder").mkdir()
    (home / "empty").mkdir()
    (home / "folder" / "folder.py").write_text(OWN.format(imports="", result=MIXED))
    (home / "own.py").write_text(OWN.format(imports="", result=0.25))
    (home / "missing.py").write_text(OWN.format(imports="import no_such_package", result=0.0))
    cases = {
        "binary": ("f1", *BINARY, {}),
        "binary by chance": ("f1", *BINARY, {"n_classes": 3}),
        "classes": ("f1", *CLASSES, {}),
        "labels": ("f1", *LABELS, {}),
        "numbers": ("mae", *NUMBERS, {}),
        "folder": ("folder", *BINARY, {}),
        "file": (str(home / "own.py"), *BINARY, {}),
        "numbers for classes": ("accuracy", *NUMBERS, {}),
        "labels for classes": ("matthews_correlation", *LABELS, {}),
        "scores": ("roc_auc", *BINARY, {}),
        "missing package": ("./missing.py", *BINARY, {}),
        "missing file": ("./nowhere.py", *BINARY, {}),
        "empty folder": ("empty", *BINARY, {}),
        "hub": ("rouge", *BINARY, {}),
        "path in a recipe": ("own", *BINARY, {}),
        "hub owner": ("owner/rouge", *BINARY, {}),
    }
    root = Path(hub_metrics.__file__).parents[2]
    child = subprocess.run(
        [sys.executable, "-c", CHILD],
        input=json.dumps([*cases.values()]),
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(home / "hub"), "PYTHONPATH": str(root)},
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert child.returncode == 0, child.stderr
    return dict(zip(cases, json.loads(child.stdout), strict=True))


@pytest.mark.parametrize(
    ("name", "scores"),
    [
        ("binary", {"f1": sk.f1_score(*BINARY)}),
        ("binary by chance", {"f1": sk.f1_score(*BINARY, average="macro")}),
        ("classes", {"f1": sk.f1_score(*CLASSES, average="macro")}),
        ("labels", {"f1": sk.f1_score(*np.array(LABELS), average="macro")}),
        ("numbers", {"mae": sk.mean_absolute_error(*NUMBERS)}),
    ],
)
def test_compute_of_a_packaged_metric(name, scores, results):
    assert results[name] == {"scores": pytest.approx(scores), "notes": []}


def test_compute_of_a_folder_keeps_single_numbers_and_names_the_rest(results):
    assert results["folder"]["scores"] == {"own": 2.5}
    assert results["folder"]["notes"] == ["folder: each, text left out, not a single number"]


def test_compute_of_a_file_that_returns_a_bare_number(results):
    assert results["file"] == {"scores": {"own": 0.25}, "notes": []}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("numbers for classes", "accuracy compares classes, but the labels are numbers"),
        ("labels for classes", "matthews_correlation does not fit this task"),
        ("scores", "roc_auc needs prediction_scores"),
    ],
)
def test_compute_of_a_metric_that_does_not_fit_is_a_recipe_error(name, message, results):
    assert results[name]["kind"] == "RecipeError"
    assert message in results[name]["message"]
    assert "\n" not in results[name]["message"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing file", "--metric ./nowhere.py: there is no script nowhere.py"),
        ("empty folder", "--metric empty: there is no script empty/empty.py"),
    ],
)
def test_compute_of_a_script_that_is_not_there_is_a_usage_error(name, message, results):
    assert results[name]["kind"] == "UsageError"
    assert message in results[name]["message"]


@pytest.mark.parametrize("name", ["hub", "hub owner", "path in a recipe"])
def test_compute_of_a_metric_that_is_not_packaged_is_refused_and_not_run(name, results):
    assert results[name]["kind"] == "RecipeError"
    assert "must not fetch or bring code" in results[name]["message"]
    assert "accuracy" in results[name]["hint"]
    assert "bertkit eval --metric" in results[name]["hint"]


def test_compute_of_a_metric_with_a_missing_package_is_a_machine_error(results):
    assert results["missing package"]["kind"] == "MachineError"
    assert "no_such_package" in results["missing package"]["message"]


def test_hub_metrics_do_not_import_evaluate():
    modules = "bertkit.data.hub_metrics, bertkit.data.evaluate_modules, bertkit.data.intervals"
    code = f"import sys, {modules}; assert not {{'evaluate', 'datasets', 'scipy'}} & set(sys.modules)"
    root = Path(hub_metrics.__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(root)}, check=True)
