"""Fixtures of tests that need a command or a finished run; a test module names this file in `pytest_plugins`."""

import json
import logging
import subprocess
import sys

import pytest

from bertkit import cli
from tests.command_line import LEARNS, Outcome, environment, write_csv, write_reviews


@pytest.fixture
def bertkit(capsys):
    """Run a command in this process."""
    log = logging.getLogger("bertkit")
    before = log.handlers, log.level, log.propagate

    def run(*arguments):
        capsys.readouterr()
        code = cli.run([str(argument) for argument in arguments])
        return Outcome(code, *capsys.readouterr())

    yield run
    log.handlers, log.level, log.propagate = before


@pytest.fixture
def process(tmp_path):
    """Run a command in a process of its own."""

    def run(*arguments, stdin="", **settings):
        done = subprocess.run(
            [sys.executable, "-m", "bertkit", *map(str, arguments)],
            input=stdin,
            env=environment(**{"HF_HOME": tmp_path / "hub", "HF_HUB_OFFLINE": 1} | settings),
            capture_output=True,
            text=True,
            check=False,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture(scope="session")
def reviews(tmp_path_factory):
    """A training table."""
    return write_reviews(tmp_path_factory.mktemp("reviews") / "train.csv")


@pytest.fixture(scope="session")
def finished(tiny, reviews, tmp_path_factory):
    """The folder of a finished run on the training table; not to be changed."""
    from bertkit.engine.finetune import finetune

    folder = tmp_path_factory.mktemp("finished") / "run"
    columns = {"text": "text", "label": "label"}
    run = finetune(model=str(tiny), data=str(reviews), columns=columns, overrides=LEARNS, output=str(folder))
    assert run.info["scores"]["validation"]["accuracy"] > 0.7, "the model of the tests has not learnt its words"
    return folder


@pytest.fixture
def forgetful_exporter(monkeypatch):
    """The exporter of a classifier that has forgotten what it learnt."""
    from bertkit.engine.backends import _trace

    trace = _trace.trace

    def forgetful(network, *given):
        import copy

        import torch

        other = copy.deepcopy(network)
        with torch.no_grad():
            other.classifier.weight.neg_()
            other.classifier.bias.neg_()
        trace(other, *given)

    monkeypatch.setattr("bertkit.engine.backends._graphs.trace", forgetful)


@pytest.fixture(scope="session")
def finished_words(tiny, tmp_path_factory):
    """The folder of a finished run that gives every word its part of speech."""
    from bertkit.engine.finetune import finetune

    folder = tmp_path_factory.mktemp("finished_words")
    nouns = ("day", "night", "song", "film") * 6
    lines = [[f"a lovely {noun}", json.dumps(["DET", "ADJ", "NOUN"])] for noun in nouns]
    table = write_csv(folder / "train.csv", [["tokens", "upos"], *lines])
    overrides = ("train.epochs=1", "data.validation_fraction=0.25")
    return finetune("pos", model=str(tiny), data=str(table), overrides=overrides, output=str(folder / "run")).folder


@pytest.fixture(scope="session")
def finished_pair(tiny, tmp_path_factory):
    """The folder of a finished run on pairs of texts."""
    from bertkit.engine.finetune import finetune

    folder = tmp_path_factory.mktemp("finished_pair")
    lines = [[f"a {word} day", f"a {other} day", str(int(word == other))] for word in "abc" for other in "abcd"]
    table = write_csv(folder / "train.csv", [["one", "two", "same"], *lines])
    columns = {"text": "one", "text_pair": "two", "label": "same"}
    overrides = ("train.epochs=1", "data.validation_fraction=0.25")
    run = finetune(model=str(tiny), data=str(table), columns=columns, overrides=overrides, output=str(folder / "run"))
    return run.folder
