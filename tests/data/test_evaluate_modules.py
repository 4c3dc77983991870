"""The packaged `evaluate` modules, loaded by path in a process that cannot reach any network."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
import sklearn.metrics as sk

import bertkit.data.hub_metrics as hub_metrics

CHILD = """
import json, socket, sys

def refuse(*args, **kwargs):
    raise AssertionError("a packaged metric asked for the network")

socket.socket.connect = socket.getaddrinfo = refuse
import evaluate
import numpy as np

def run(case):
    if isinstance(case["paths"], list):
        module = evaluate.combine(case["paths"])
    else:
        module = evaluate.load(case["paths"], case["config"])
    try:
        return module.compute(**case["inputs"], **case["options"])
    except ValueError as error:
        return {"error": str(error)}

json.dump([run(case) for case in json.load(sys.stdin)], sys.stdout, default=np.ndarray.tolist)
"""
RNG = np.random.default_rng(3)
BINARY = RNG.integers(0, 2, (2, 60))
CLASSES = RNG.integers(2, 6, (2, 60))
LABELS = RNG.integers(0, 2, (2, 60, 4))
NUMBERS = RNG.integers(0, 9, (2, 60)) / 4
SCORES = RNG.integers(0, 9, (60, 4)) / 9
SHARES = (SCORES + 0.1) / (SCORES + 0.1).sum(axis=1, keepdims=True)
IDS = np.append(RNG.integers(0, 4, 56), range(4))


def case(name, config, data, expected, **options):
    key = "prediction_scores" if name in ("roc_auc", "average_precision") else "predictions"
    inputs = {"references": np.asarray(data[0]).tolist(), key: np.asarray(data[1]).tolist()}
    return {"name": name, "config": config, "inputs": inputs, "options": options, "expected": expected}


def class_cases(name, score):
    yield case(name, None, BINARY, score(*BINARY))
    yield case(name, None, BINARY, score(*BINARY, pos_label=0), pos_label=0)
    yield case(name, None, ([0, 0, 0], [0, 0, 0]), 0.0)
    yield case(name, None, CLASSES, score(*CLASSES, average=None).tolist(), average=None)
    for average in ("micro", "macro", "weighted"):
        yield case(name, None, CLASSES, score(*CLASSES, average=average), average=average)
        yield case(name, "multilabel", LABELS, score(*LABELS, average=average), average=average)


CASES = [
    *class_cases("precision", sk.precision_score),
    *class_cases("recall", sk.recall_score),
    *class_cases("f1", sk.f1_score),
    case("accuracy", None, CLASSES, sk.accuracy_score(*CLASSES)),
    case("accuracy", "multilabel", LABELS, sk.accuracy_score(*LABELS)),
    case("matthews_correlation", None, CLASSES, sk.matthews_corrcoef(*CLASSES)),
    case("pearsonr", None, NUMBERS, scipy.stats.pearsonr(*NUMBERS).statistic),
    case("spearmanr", None, NUMBERS, scipy.stats.spearmanr(*NUMBERS).statistic),
    case("mae", None, NUMBERS, sk.mean_absolute_error(*NUMBERS)),
    case("mse", None, NUMBERS, sk.mean_squared_error(*NUMBERS)),
    case("mse", None, NUMBERS, sk.root_mean_squared_error(*NUMBERS), squared=False),
    case("roc_auc", None, (BINARY[0], SCORES[:, 0]), sk.roc_auc_score(BINARY[0], SCORES[:, 0])),
    case("roc_auc", "multilabel", (LABELS[0], SCORES), sk.roc_auc_score(LABELS[0], SCORES)),
    case(
        "roc_auc",
        "multiclass",
        (IDS, SHARES),
        sk.roc_auc_score(IDS, SHARES, multi_class="ovr"),
        multi_class="ovr",
    ),
    case(
        "average_precision",
        None,
        (BINARY[0], SCORES[:, 0]),
        sk.average_precision_score(BINARY[0], SCORES[:, 0]),
    ),
    case("average_precision", "multilabel", (LABELS[0], SCORES), sk.average_precision_score(LABELS[0], SCORES)),
    case("average_precision", "multiclass", (IDS, SHARES), sk.average_precision_score(IDS, SHARES)),
]
REFUSED = [
    case("f1", None, CLASSES, 'average="binary" with classes'),
    case("f1", None, ([0, 2], [0, 2]), 'average="binary" with classes'),
    case("f1", "multilabel", LABELS, 'average="binary" with classes'),
    case("f1", None, CLASSES, "average='samples': expected one of", average="samples"),
    case("roc_auc", "multilabel", (LABELS[0], SCORES), "average='micro'", average="micro"),
]
COMBINED = case(["accuracy", "f1"], None, BINARY, None)


def paths(name):
    return [paths(one) for one in name] if isinstance(name, list) else str(hub_metrics.FOLDER / f"{name}.py")


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    root = Path(hub_metrics.__file__).parents[2]
    offline = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path_factory.mktemp("hub")), "PYTHONPATH": str(root)}
    cases = [{**one, "paths": paths(one["name"])} for one in (*CASES, *REFUSED, COMBINED)]
    child = subprocess.run(
        [sys.executable, "-c", CHILD],
        input=json.dumps(cases),
        env={**os.environ, **offline},
        capture_output=True,
        text=True,
        check=False,
    )
    assert child.returncode == 0, child.stderr
    return json.loads(child.stdout)


def describe(one):
    return "-".join([one["name"], one["config"] or "default", *(f"{k}={v}" for k, v in one["options"].items())])


@pytest.mark.parametrize("number", range(len(CASES)), ids=lambda number: describe(CASES[number]))
def test_module_matches_sklearn_and_scipy(number, results):
    name, expected = CASES[number]["name"], CASES[number]["expected"]
    assert results[number] == {name: pytest.approx(expected, abs=1e-12)}


@pytest.mark.parametrize("number", range(len(REFUSED)), ids=lambda number: describe(REFUSED[number]))
def test_module_refuses_what_it_does_not_average(number, results):
    assert REFUSED[number]["expected"] in results[len(CASES) + number]["error"]


def test_modules_are_combined(results):
    expected = {"accuracy": sk.accuracy_score(*BINARY), "f1": sk.f1_score(*BINARY)}
    assert results[-1] == pytest.approx(expected)


def test_every_packaged_module_is_tested():
    assert {one["name"] for one in CASES} == set(hub_metrics.packaged())


@pytest.mark.parametrize("name", hub_metrics.packaged())
def test_module_imports_are_what_evaluate_can_parse(name):
    tree = ast.parse((hub_metrics.FOLDER / f"{name}.py").read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            assert len(node.names) == 1 or isinstance(node, ast.ImportFrom)
            assert getattr(node, "level", 0) == 0
            assert getattr(node, "module", "") != "evaluate"
