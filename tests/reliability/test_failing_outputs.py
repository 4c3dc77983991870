"""Whatever call to the operating system fails while a run is written: there is the old state, or the new one."""

import shutil

import pytest

from bertkit.engine import run
from bertkit.engine.evaluate import Mistake, write_mistakes
from bertkit.engine.export import export
from bertkit.engine.predictor import load_run
from bertkit.errors import BertkitError, RunError
from tests.reliability.failing import nth

pytest_plugins = ("tests.fixtures",)
pytestmark = pytest.mark.soak
TEXTS = ["a great day", "a dull day"]


def fails_at_every_call(prepare, work, check):
    """Let each call fail once that a piece of work makes.

    Args:
        prepare: Makes what the work begins with.
        work: Does it.
        check: Looks at what is there afterwards, and is told whether the work was done.
    """
    prepare()
    with nth(0) as calls:
        work()
    check(done=True)
    assert calls.count > 1
    for number in range(1, calls.count + 1):
        prepare()
        failed = False
        with nth(number):
            try:
                work()
            except (OSError, BertkitError):
                failed = True
        assert failed, f"nobody noticed that {calls.names[number - 1]} failed"
        check(done=False)


def test_a_run_is_whole_or_not_there(finished, tmp_path):
    folder = tmp_path / "run"
    info = {key: value for key, value in run.load(finished).info.items() if key != "backends"}
    right = load_run(finished, backend="torch").predict(TEXTS)

    def prepare():
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(finished, folder, ignore=shutil.ignore_patterns("run.json", "recipe.toml", "onnx"))
        (folder / run.STATE_FILE).write_text("{}")

    def check(done):
        if done or (folder / run.RUN_FILE).exists():
            assert load_run(folder, backend="torch").predict(TEXTS) == right
            return
        with pytest.raises(RunError, match="is not finished"):
            run.load(folder)

    fails_at_every_call(prepare, lambda: run.save(folder, info), check)


def test_an_overwritten_run_is_the_old_one_or_the_new_one(finished, tmp_path):
    folder, work = tmp_path / "run", tmp_path / "run.new"

    def prepare():
        for path in (folder, work):
            shutil.rmtree(path, ignore_errors=True)
            shutil.copytree(finished, path)
        (folder / "mine").touch()

    def check(done):
        assert run.load(folder)
        if done:
            assert not (folder / "mine").exists()

    fails_at_every_call(prepare, lambda: run.complete(folder, work), check)


def test_a_run_has_its_old_graph_or_the_new_one(finished, tmp_path):
    folder = tmp_path / "run"
    right = load_run(finished).predict(TEXTS)

    def prepare():
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(finished, folder)

    def check(done):
        assert load_run(folder, backend="onnx").predict(TEXTS) == right
        assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == ["onnx"]

    fails_at_every_call(prepare, lambda: export(folder), check)


def test_the_list_of_mistakes_is_the_old_one_or_the_new_one(tmp_path):
    path = tmp_path / "errors.csv"
    mistakes = [Mistake(2, "a dull day", "bad", "good", 0.75)]

    def prepare():
        path.write_text("old")

    def check(done):
        text = path.read_text()
        assert text.endswith("\n2,a dull day,bad,good,0.75\n") or (not done and text == "old")
        assert [found.name for found in tmp_path.iterdir()] == ["errors.csv"]

    fails_at_every_call(prepare, lambda: write_mistakes(path, mistakes), check)
