import re
import shutil

import pytest

from bertkit.engine.export import MAX_DROP
from tests.command_line import leaves

pytest_plugins = ("tests.fixtures",)


@pytest.fixture
def trained(finished, tmp_path):
    """A run of its own."""
    return shutil.copytree(finished, tmp_path / "run")


def test_export_shows_what_each_backend_is_worth(bertkit, trained):
    done = bertkit("export", trained)
    assert done.code == 0
    lines = [line.split() for line in done.out.splitlines()]
    assert {"onnx", "torch"} <= {line[0] for line in lines if line}
    assert next(line for line in lines if line and line[0] == "onnx")[1] == "100.0%"


def test_export_json_has_the_record_of_the_run(bertkit, trained):
    data = bertkit("export", trained, "--json").document["data"]
    assert data["run"] == str(trained)
    assert data["accepted"].keys() == {"onnx", "torch"}


def test_export_measures_with_the_threads_that_are_asked_for(bertkit, trained):
    assert bertkit("export", trained, "--threads", 3, "--json").document["data"]["machine"]["threads"] == 3


def test_export_help_has_the_default_of_the_engine():
    (option,) = (option for option in leaves()[("export",)].params if option.name == "max_drop")
    assert option.show_default.endswith(f" {MAX_DROP:g}")


def test_export_shows_a_graph_that_it_refuses_and_fails(bertkit, trained, forgetful_exporter):
    done = bertkit("export", trained)
    assert done.code == 1
    line = next(line.split() for line in done.out.splitlines() if line.split()[:1] == ["onnx"])
    assert line[-1] == "no"
    assert "Error: onnx answers" in done.err
    document = bertkit("export", trained, "--json").document
    assert (document["ok"], document["error"]["code"]) == (False, "GateError")
    assert document["data"]["refused"].keys() == {"onnx"}


def test_export_knows_no_other_format(bertkit, trained):
    done = bertkit("export", trained, "--to", "tflite")
    assert (done.code, "Try: --to onnx" in done.err) == (2, True)


@pytest.mark.parametrize("verb", [("predict", "--with", "text=a fine day"), ("eval",)])
def test_backend_that_the_run_has_not_got_is_refused(bertkit, trained, verb):
    done = bertkit(*verb, "--run", trained, "--backend", "onnx-int8")
    assert done.code == 2
    assert f"Try: bertkit export {trained} --int8" in done.err


def test_eval_and_predict_tell_the_backend(bertkit, trained, reviews, tmp_path):
    for name in ("torch", "onnx"):
        scored = bertkit("eval", "--run", trained, "--backend", name, "--json")
        assert scored.document["data"]["backend"] == name
        output = tmp_path / f"{name}.csv"
        done = bertkit("predict", reviews, "--run", trained, "--backend", name, "-o", output, "--json")
        assert done.document["data"]["backend"] == name


def test_verbose_tells_why_a_backend_was_chosen(bertkit, trained):
    verb = ("predict", "--with", "text=a fine day", "--run", trained)
    assert "Answered by" in bertkit(*verb, "-v").err
    assert "Answered by" not in bertkit(*verb).err


def test_runs_show_names_the_backends(bertkit, trained):
    shown = " ".join(bertkit("runs", "show", trained).out.split())
    assert re.search(r"onnx [\d,]+ windows/s, torch [\d,]+ windows/s", shown)
