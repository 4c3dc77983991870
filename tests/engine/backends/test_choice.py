import shutil
import sys

import pytest

from bertkit.engine import backends, machine, processes, run, sealed
from bertkit.engine.backends._choice import choose
from bertkit.errors import MachineError, UsageError

pytest_plugins = ("tests.fixtures",)


@pytest.fixture
def trained(finished, tmp_path):
    """A run of its own, with its record of backends changed by a function."""
    folder = tmp_path / "run"
    shutil.copytree(finished, folder)

    def changed(change=lambda record: None):
        record = sealed.read(finished / run.BACKENDS_FILE)
        change(record)
        sealed.write(folder / run.BACKENDS_FILE, record)
        return run.load(folder)

    return changed


@pytest.fixture
def gpu(monkeypatch):
    return lambda there: monkeypatch.setattr(machine, "has_gpu", lambda: there)


def rates(**windows_per_second):
    def change(record):
        record["machine"] = machine.fingerprint()
        for name, rate in windows_per_second.items():
            record["accepted"][name]["windows_per_second"] = rate

    return change


def test_backends_are_named_as_their_files():
    assert backends.names() == ["onnx", "onnx-int8", "torch"]
    assert [backends.load(name).exact for name in backends.names()] == [True, False, True]


@pytest.mark.parametrize(
    ("measured", "chosen"),
    [({"onnx": 9, "torch": 5}, "onnx"), ({"onnx": 5, "torch": 9}, "torch"), ({"onnx": 10, "torch": 11}, "onnx")],
)
def test_auto_is_the_graph_where_it_was_measured_unless_torch_is_clearly_faster(trained, measured, chosen):
    assert choose(trained(rates(**measured)), "auto") == chosen


@pytest.mark.parametrize(("there", "chosen"), [(True, "torch"), (False, "onnx")])
def test_auto_on_another_machine_is_the_graph_unless_there_is_a_gpu(trained, gpu, there, chosen):
    gpu(there)
    assert choose(trained(lambda record: record.update(machine={})), "auto") == chosen


def test_auto_is_never_a_backend_that_is_not_exact(trained):
    def change(record):
        rates(onnx=9, torch=5)(record)
        record["accepted"]["onnx-int8"] = {"agreement": 1.0, "windows_per_second": 99}

    found = trained(change)
    for name in ("model{}.onnx", "model{}.onnx.data"):
        shutil.copy(found.folder / "onnx" / name.format(""), found.folder / "onnx" / name.format("_int8"))
    assert choose(found, "auto") == "onnx"
    assert choose(found, "onnx-int8") == "onnx-int8"


def test_auto_without_a_graph_is_torch(trained):
    found = trained(rates(onnx=9, torch=5))
    shutil.rmtree(found.folder / "onnx")
    assert choose(found, "auto") == "torch"
    del found.info["backends"]
    assert choose(found, "auto") == "torch"


@pytest.mark.parametrize("file", ["model.onnx", "model.onnx.data"])
def test_named_backend_that_is_missing_is_refused_with_the_command_that_makes_it(trained, file):
    found = trained()
    with pytest.raises(UsageError, match="no graph that was accepted") as caught:
        choose(found, "onnx-int8")
    assert caught.value.hint == f"bertkit export {found.folder} --int8"
    (found.folder / "onnx" / file).unlink()
    with pytest.raises(UsageError, match=f"{file} is gone") as caught:
        choose(found, "onnx")
    assert caught.value.hint == f"bertkit export {found.folder}"


def test_unknown_backend_is_refused_with_the_known_ones(trained):
    with pytest.raises(UsageError, match='"gpu"') as caught:
        choose(trained(), "gpu")
    assert caught.value.hint == "one of: auto, onnx, onnx-int8, torch"


@pytest.fixture
def broken_onnxruntime(monkeypatch, tmp_path):
    """An ONNX Runtime that is installed and cannot be imported."""
    package = tmp_path / "packages" / "onnxruntime"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise AttributeError('its parts do not fit')")
    monkeypatch.syspath_prepend(package.parent)
    monkeypatch.delitem(sys.modules, "onnxruntime", raising=False)


def test_broken_onnxruntime_leaves_auto_to_torch(trained, broken_onnxruntime, caplog):
    assert choose(trained(rates(onnx=9, torch=5)), "auto") == "torch"
    assert "onnxruntime cannot be imported: its parts do not fit; torch answers" in caplog.text


def test_broken_onnxruntime_is_an_error_where_it_is_named(trained, broken_onnxruntime):
    with pytest.raises(MachineError, match="its parts do not fit") as caught:
        choose(trained(), "onnx")
    assert caught.value.hint == "--backend torch"


def test_run_without_a_graph_on_a_machine_without_torch_is_an_error(trained, monkeypatch):
    found = trained()
    del found.info["backends"]
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UsageError, match="torch is not installed") as caught:
        choose(found, "auto")
    assert caught.value.hint == "pip install torch"


def test_record_without_torch_still_gives_a_choice(trained):
    def change(record):
        rates(onnx=9)(record)
        del record["accepted"]["torch"]

    assert choose(trained(change), "auto") == "onnx"


def test_processes_take_the_backend_of_the_main_one(trained, monkeypatch):
    monkeypatch.setattr(processes, "agree", lambda choose: "onnx-int8")
    assert choose(trained(), "auto") == "onnx-int8"
