import json
import math
import shutil

import pytest

from bertkit.engine import run
from bertkit.errors import RunError, UsageError

pytest_plugins = ("tests.fixtures",)


def copy_with(finished, folder, **changes):
    shutil.copytree(finished, folder)
    info = json.loads((folder / run.RUN_FILE).read_text(encoding="utf-8"))
    (folder / run.RUN_FILE).write_text(json.dumps(info | changes), encoding="utf-8")
    return folder


def test_load_gives_back_recipe_labels_and_limits(finished):
    found = run.load(finished)
    assert found.name == "run"
    assert found.recipe.train.epochs == 8
    assert found.adapter.labels == ("bad", "good")
    assert found.encoder().max_length == 256


@pytest.mark.parametrize(
    ("files", "said", "hint"),
    [
        ({}, "is not a run: it has no run.json", "bertkit runs list"),
        ({"unfinished.json": "{}"}, "is not finished", "bertkit finetune --resume"),
        ({"run.json": '{"format": 1'}, "run.json is damaged", ""),
        ({"run.json": '{"format": 99}'}, "has format 99; this bertkit reads format 1", ""),
    ],
)
def test_load_says_what_is_wrong_with_a_folder(tmp_path, files, said, hint):
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(RunError, match=said) as error:
        run.load(tmp_path)
    assert error.value.hint.startswith(hint)


def test_find_takes_a_folder_a_name_or_the_newest(finished, runs):
    old = copy_with(finished, runs / "b-old", created="2026-01-01T00:00:00+00:00")
    new = copy_with(finished, runs / "a-new", created="2026-01-02T00:00:00+00:00")
    assert run.find(None).folder == new
    assert run.find("b-old").folder == run.find(old).folder == old
    assert [found.name for found in run.listed()] == ["a-new", "b-old"]
    with pytest.raises(RunError, match="nowhere"):
        run.find("nowhere")


def test_find_newest_passes_over_unfinished_runs(finished, runs):
    done = copy_with(finished, runs / "done")
    (runs / "stopped").mkdir()
    (runs / "stopped" / run.STATE_FILE).write_text("{}")
    assert run.find(None).folder == done
    assert run.unfinished() == [runs / "stopped"]


def test_find_without_any_run_says_how_to_make_one(runs):
    with pytest.raises(RunError, match="no finished run") as error:
        run.find(None)
    assert "bertkit finetune" in error.value.hint


def test_runs_folder_is_where_the_environment_says(runs, monkeypatch):
    assert run.runs_folder() == runs
    monkeypatch.delenv("BERTKIT_RUNS")
    assert str(run.runs_folder()) == "runs"


def test_new_folder_never_gives_a_name_twice(runs):
    names = []
    for _ in range(3):
        folder = run.new_folder("task", None, overwrite=False)
        folder.mkdir(parents=True)
        names.append(folder)
    assert len(set(names)) == 3
    assert all(folder.parent == runs and folder.name.startswith("task-") for folder in names)


def test_new_folder_refuses_one_that_is_in_use(tmp_path):
    assert run.new_folder("x", str(tmp_path), overwrite=False) == tmp_path
    (tmp_path / "file").write_text("")
    for overwrite in (False, True):
        with pytest.raises(UsageError, match="holds other things than a run"):
            run.new_folder("x", str(tmp_path), overwrite=overwrite)
    (tmp_path / run.RUN_FILE).write_text("{}")
    with pytest.raises(UsageError, match="not empty"):
        run.new_folder("x", str(tmp_path), overwrite=False)
    assert run.new_folder("x", str(tmp_path), overwrite=True) == tmp_path


def test_work_folder_removes_a_stale_attempt_and_nothing_else(tmp_path):
    folder, work = tmp_path / "x", tmp_path / "x.new"
    assert run.work_folder(folder) == folder
    folder.mkdir()
    assert run.work_folder(folder) == folder
    (folder / run.RUN_FILE).write_text("{}")
    work.mkdir()
    (work / "thesis.txt").write_text("")
    with pytest.raises(UsageError, match="in the way"):
        run.work_folder(folder)
    (work / run.STATE_FILE).write_text("{}")
    assert run.work_folder(folder) == work
    assert not work.exists()


def test_listed_names_damaged_runs_and_leaves_them_out(finished, runs, caplog):
    shutil.copytree(finished, runs / "good")
    (runs / "bad").mkdir()
    (runs / "bad" / run.RUN_FILE).write_text("{")
    assert [one.name for one in run.listed()] == ["good"]
    assert "bad" in caplog.text


def test_write_json_has_null_for_what_is_no_number(tmp_path):
    path = tmp_path / "run.json"
    run.write_json(path, {"scores": {"f1": math.nan, "loss": -math.inf, "é": [0.1, 1e-9, math.inf]}, "name": "NaN"})

    def refuse(name):
        raise AssertionError(name)

    found = json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)
    assert found == {"scores": {"f1": None, "loss": None, "é": [0.1, 1e-9, None]}, "name": "NaN"}


def test_save_completes_a_run_and_leaves_no_parts(finished, tmp_path):
    info = {key: value for key, value in run.load(finished).info.items() if key not in {"format", "created"}}
    (tmp_path / run.STATE_FILE).write_text("{}")
    (tmp_path / run.CHECKPOINTS).mkdir()
    saved = run.save(tmp_path, info)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["recipe.toml", "run.json"]
    assert run.load(tmp_path).info == saved.info
    assert saved.info["format"] == run.FORMAT
