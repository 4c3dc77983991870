"""Metrics that are code: run where the user names them, refused where a recipe does."""

import pytest

pytest_plugins = ("tests.fixtures",)

OWN = """
import pathlib
import datasets
import evaluate

pathlib.Path({canary!r}).touch()


class Own(evaluate.Metric):
    def _info(self):
        value = datasets.Value("int32")
        features = datasets.Features({{"predictions": value, "references": value}})
        return evaluate.MetricInfo(description="", citation="", features=features)

    def _compute(self, predictions, references):
        return {{"own": 0.25}}
"""


@pytest.fixture
def script(tmp_path):
    """A metric that leaves a trace when it is run."""
    path = tmp_path / "own.py"
    path.write_text(OWN.format(canary=str(tmp_path / "canary")))
    return path


def test_eval_runs_a_metric_that_the_user_names(process, finished, reviews, script, tmp_path):
    arguments = ("--run", finished, "--data", reviews, "--errors", tmp_path / "errors.csv", "--json")
    done = process("eval", "--metric", script, *arguments, HF_MODULES_CACHE=tmp_path / "modules")
    assert done.code == 0, done.err
    assert done.document["data"]["scores"]["evaluate:own"] == 0.25
    assert (tmp_path / "canary").exists()


@pytest.mark.parametrize("name", ["./own.py", "owner/own", "~/own", "https://example.org/own.py", "own.py"])
def test_recipe_that_names_code_is_refused_and_it_is_not_run(bertkit, reviews, script, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    columns = ("--text", "text", "--label", "label")
    done = bertkit("finetune", "--data", reviews, *columns, "--set", f'metrics=["evaluate:{name}"]')
    assert done.code == 2
    assert "metrics.0: it must be evaluate: and a packaged name" in done.err
    assert not (tmp_path / "canary").exists()


def test_eval_metric_that_is_not_there_is_named(bertkit, finished, reviews, tmp_path):
    done = bertkit("eval", "--run", finished, "--data", reviews, "--errors", tmp_path / "e.csv", "--metric", "./no.py")
    assert done.code == 2
    assert "--metric ./no.py: there is no script no.py" in done.err
