import shutil

import pytest

from bertkit.engine import backends, load, machine, run, sealed
from bertkit.engine.agreement import compare
from bertkit.engine.backends import _trace
from bertkit.engine.backends.onnx import weights_of
from bertkit.engine.evaluate import validation_rows
from bertkit.engine.export import check_refused, export, export_trained
from bertkit.engine.predictor import load_run
from bertkit.errors import GateError, Interrupted, MachineError, ModelError, RunError

pytest_plugins = ("tests.fixtures",)


@pytest.fixture
def trained(finished, tmp_path):
    """The folder of a finished run without a graph."""
    folder = tmp_path / "run"
    shutil.copytree(finished, folder, ignore=shutil.ignore_patterns("onnx"))
    return folder


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
    assert sealed.read(trained / run.BACKENDS_FILE) == record
    assert not list(trained.glob(".export-*"))


def test_export_int8_adds_a_smaller_graph_and_the_next_export_keeps_it(trained):
    done = export(trained, int8=True, max_drop=100)
    assert graphs(trained) == ["onnx/model.onnx", "onnx/model_int8.onnx"]
    assert done.info["backends"]["accepted"].keys() == {"onnx", "onnx-int8", "torch"}
    small, exact = (weights_of(trained / backends.load(name).graph) for name in ("onnx-int8", "onnx"))
    assert small.stat().st_size < exact.stat().st_size
    assert load_run(trained, backend="onnx-int8").predict(["a great day"])[0].answer in done.adapter.labels
    assert export(trained, max_drop=100).info["backends"]["accepted"].keys() == {"onnx", "onnx-int8", "torch"}


def test_export_refuses_a_graph_that_answers_one_row_otherwise(trained, monkeypatch):
    def compare_and_differ(*given):
        found = compare(*given)
        found["onnx"]["agreement"] = 1 - 1 / len(given[3])
        return found

    monkeypatch.setattr("bertkit.engine.export.compare", compare_and_differ)
    done = export(trained, max_drop=100)
    with pytest.raises(
        GateError, match=r"^onnx answers 1 of \d+ rows otherwise than the weights: it is not kept$"
    ) as caught:
        check_refused(done)
    assert caught.value.hint == "--backend torch"
    assert graphs(trained) == []
    record = run.load(trained).info["backends"]
    assert (record["accepted"].keys(), record["refused"].keys()) == ({"torch"}, {"onnx"})
    assert load_run(trained).backend == "torch"


def test_export_refuses_eight_bits_that_lose_too_much_and_keeps_the_exact_graph(trained, monkeypatch):
    def compare_and_lose(*given):
        found = compare(*given)
        found["onnx-int8"]["points_lost"] = 2.0
        return found

    monkeypatch.setattr("bertkit.engine.export.compare", compare_and_lose)
    with pytest.raises(
        GateError, match=r"^onnx-int8 loses 2.00 points of accuracy, more than 0.5, and answers"
    ) as caught:
        check_refused(export(trained, int8=True))
    assert "--max-drop" in caught.value.hint
    assert graphs(trained) == ["onnx/model.onnx"]
    check_refused(export(trained, int8=True, max_drop=2))
    assert export(trained).info["backends"]["max_drop"] == 2
    assert graphs(trained) == ["onnx/model.onnx", "onnx/model_int8.onnx"]


def test_eight_bits_are_calibrated_on_training_rows(trained, monkeypatch):
    found = run.load(trained)
    held = set(found.held_out())
    encoded = []
    encode = type(found.adapter).encode

    def encode_and_note(adapter, examples, *given, **named):
        encoded.append([example.line for example in examples])
        return encode(adapter, examples, *given, **named)

    monkeypatch.setattr(type(found.adapter), "encode", encode_and_note)
    export(trained, int8=True, max_drop=100)
    lines = [example.line for example in load.split(found.recipe, "train", found.adapter).rows]
    assert sorted(encoded, key=len)[-1] == [line for position, line in enumerate(lines) if position not in held]
    assert len(encoded) == 2


def test_eight_bits_need_the_training_rows(trained, monkeypatch):
    rows = validation_rows(run.load(trained))
    monkeypatch.setattr("bertkit.engine.evaluate.validation_rows", lambda run: rows)
    info = sealed.read(trained / run.RUN_FILE)
    info["recipe"]["data"]["train"] = str(trained / "gone.csv")
    sealed.write(trained / run.RUN_FILE, info)
    export(trained)
    with pytest.raises(RunError, match="calibrated on training rows, which cannot be read") as caught:
        export(trained, int8=True)
    assert "do without --int8" in caught.value.hint


def test_export_into_a_folder_that_cannot_be_written_says_so(trained, monkeypatch):
    def full(path, values):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sealed, "write", full)
    with pytest.raises(MachineError, match="the graph cannot be written") as caught:
        export(trained)
    assert caught.value.hint


@pytest.mark.parametrize("signal", [Interrupted("stopped by SIGTERM", signal_number=15), KeyboardInterrupt()])
def test_signal_while_the_graph_is_made_is_not_swallowed(trained, monkeypatch, caplog, signal):
    def stop(*given, **named):
        raise signal

    caplog.set_level("INFO", "bertkit")
    monkeypatch.setattr("torch.onnx.export", stop)
    with pytest.raises(type(signal)):
        export_trained(run.load(trained), validation_rows(run.load(trained)).rows)
    assert "The run is complete" in caplog.text
    assert load_run(trained).backend == "torch"


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


def test_training_whose_graph_is_refused_is_a_run_without_one(trained, forgetful_exporter, caplog):
    done = export_trained(run.load(trained), validation_rows(run.load(trained)).rows)
    assert "it is not kept" in caplog.text
    assert done.info["backends"]["accepted"].keys() == {"torch"}
    assert graphs(trained) == []
