import json
import shutil

import pytest

from bertkit.engine import backends, machine, run
from bertkit.engine.backends import _trace
from bertkit.engine.evaluate import validation_rows
from bertkit.engine.export import export, export_trained
from bertkit.engine.predictor import load_run
from bertkit.errors import GateError, ModelError

pytest_plugins = ("tests.fixtures",)


@pytest.fixture
def trained(finished, tmp_path):
    """The folder of a finished run without a graph."""
    folder = tmp_path / "run"
    shutil.copytree(finished, folder, ignore=shutil.ignore_patterns("onnx"))
    info = json.loads((folder / run.RUN_FILE).read_text())
    del info["backends"]
    run.write_json(folder / run.RUN_FILE, info)
    return folder


@pytest.fixture
def bad_graphs(monkeypatch):
    """The exporter of a model that has forgotten what it learnt."""
    trace = _trace.trace

    def forgetful(network, adapter, windows, pad_id, target):
        import copy

        import torch

        other = copy.deepcopy(network)
        with torch.no_grad():
            other.classifier.weight.neg_()
            other.classifier.bias.neg_()
        trace(other, adapter, windows, pad_id, target)

    monkeypatch.setattr("bertkit.engine.backends._graphs.trace", forgetful)


def graphs(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.onnx"))


def test_finetune_leaves_a_graph_that_was_compared_with_the_weights(finished):
    record = run.load(finished).info["backends"]
    assert record["machine"] == machine.fingerprint()
    assert record["accepted"].keys() == {"onnx", "torch"}
    assert record["accepted"]["onnx"]["agreement"] == 1
    assert record["accepted"]["onnx"]["score"] == record["accepted"]["torch"]["score"]
    assert record["refused"] == {}
    assert graphs(finished) == ["onnx/model.onnx"]


def test_export_checks_all_validation_rows(trained):
    done = export(trained)
    record = done.info["backends"]
    assert record["rows"] == len(validation_rows(done).rows) == done.info["data"]["validation"]["rows"]
    metric = record["metric"]
    assert record["accepted"]["onnx"]["score"] == pytest.approx(done.info["scores"]["validation"][metric])
    assert json.loads((trained / run.RUN_FILE).read_text())["backends"] == record
    assert not list(trained.glob(".export-*"))


def test_export_int8_adds_a_smaller_graph_and_the_next_export_keeps_it(trained):
    done = export(trained, int8=True, max_drop=100)
    assert graphs(trained) == ["onnx/model.onnx", "onnx/model_int8.onnx"]
    assert done.info["backends"]["accepted"].keys() == {"onnx", "onnx-int8", "torch"}
    small, exact = (trained / backends.load(name).graph for name in ("onnx-int8", "onnx"))
    assert small.stat().st_size < exact.stat().st_size
    assert load_run(trained, backend="onnx-int8").predict(["a great day"])[0].answer in done.adapter.labels
    assert export(trained, max_drop=100).info["backends"]["accepted"].keys() == {"onnx", "onnx-int8", "torch"}


def test_export_refuses_a_graph_that_loses_too_much(trained, bad_graphs):
    with pytest.raises(GateError, match=r"onnx loses [\d.]+ points of accuracy on \d+ rows .* more than 0.5"):
        export(trained)
    assert graphs(trained) == []
    record = run.load(trained).info["backends"]
    assert record["accepted"].keys() == {"torch"}
    assert record["refused"]["onnx"]["points_lost"] > 0.5
    assert load_run(trained).backend == "torch"


def test_export_accepts_what_may_be_lost_but_auto_does_not_take_it(trained, bad_graphs):
    assert export(trained, max_drop=100).info["backends"]["accepted"]["onnx"]["agreement"] < 1
    assert load_run(trained).backend == "torch"
    assert load_run(trained, backend="onnx").backend == "onnx"


def test_export_that_fails_says_why_and_leaves_the_run_as_it_was(trained, monkeypatch):
    before = sorted(path.name for path in trained.iterdir())
    monkeypatch.setattr(_trace, "MOST_BYTES", 1)
    with pytest.raises(ModelError, match="an ONNX file holds 2 GiB"):
        export(trained)
    assert sorted(path.name for path in trained.iterdir()) == before


def test_training_whose_export_fails_is_a_run_without_a_graph(trained, monkeypatch, caplog):
    monkeypatch.setattr(_trace, "OPSET", 1)
    done = export_trained(run.load(trained), validation_rows(run.load(trained)).rows)
    assert "The run has no ONNX graph" in caplog.text
    assert "backends" not in done.info
    assert load_run(trained).backend == "torch"


def test_training_whose_graph_is_refused_is_a_run_without_one(trained, bad_graphs, caplog):
    done = export_trained(run.load(trained), validation_rows(run.load(trained)).rows)
    assert "it is not kept" in caplog.text
    assert done.info["backends"]["accepted"].keys() == {"torch"}
    assert graphs(trained) == []
