import json
import shutil

import pytest

from bertkit.data import durable
from bertkit.engine import run, run_folder, sealed
from bertkit.engine.finetune import resume
from bertkit.engine.predictor import load_run
from bertkit.errors import RunError, UsageError

pytest_plugins = ("tests.fixtures",)


def copy_with(finished, folder, **changes):
    shutil.copytree(finished, folder)
    sealed.write(folder / run.RUN_FILE, sealed.read(folder / run.RUN_FILE) | changes)
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
        ({"run.json": '{"format": 99}'}, "run.json is damaged: its content is not what was written", ""),
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
        folder = run_folder.new("task", None, overwrite=False)
        folder.mkdir(parents=True)
        names.append(folder)
    assert len(set(names)) == 3
    assert all(folder.parent == runs and folder.name.startswith("task-") for folder in names)


def test_new_folder_refuses_one_that_is_in_use(tmp_path):
    assert run_folder.new("x", str(tmp_path), overwrite=False) == tmp_path
    (tmp_path / "file").write_text("")
    for overwrite in (False, True):
        with pytest.raises(UsageError, match="holds other things than a run"):
            run_folder.new("x", str(tmp_path), overwrite=overwrite)
    (tmp_path / run.RUN_FILE).write_text("{}")
    with pytest.raises(UsageError, match="not empty"):
        run_folder.new("x", str(tmp_path), overwrite=False)
    assert run_folder.new("x", str(tmp_path), overwrite=True) == tmp_path


def test_work_folder_removes_a_stale_attempt_and_nothing_else(tmp_path):
    folder, work = tmp_path / "x", tmp_path / "x.new"
    assert run_folder.work(folder) == folder
    folder.mkdir()
    assert run_folder.work(folder) == folder
    (folder / run.RUN_FILE).write_text("{}")
    work.mkdir()
    (work / "thesis.txt").write_text("")
    with pytest.raises(UsageError, match="in the way"):
        run_folder.work(folder)
    (work / run.STATE_FILE).write_text("{}")
    assert run_folder.work(folder) == work
    assert not work.exists()


def test_listed_names_damaged_runs_and_leaves_them_out(finished, runs, caplog):
    shutil.copytree(finished, runs / "good")
    (runs / "bad").mkdir()
    (runs / "bad" / run.RUN_FILE).write_text("{")
    assert [one.name for one in run.listed()] == ["good"]
    assert "bad" in caplog.text


def test_a_run_of_a_newer_format_is_refused(tmp_path):
    sealed.write(tmp_path / run.RUN_FILE, {"format": 99})
    with pytest.raises(RunError, match="has format 99; this bertkit reads formats up to 2"):
        run.load(tmp_path)


def test_a_run_of_the_older_format_is_read_with_its_graphs(finished, tmp_path):
    found = run.load(finished)
    folder = tmp_path / "older"
    shutil.copytree(finished, folder)
    (folder / run.BACKENDS_FILE).unlink()
    info = {key: value for key, value in found.info.items() if key != "files"} | {"format": 1}
    (folder / run.RUN_FILE).write_text(json.dumps(info))
    assert load_run(folder).predict(["a great day"]) == load_run(finished).predict(["a great day"])
    assert load_run(folder).backend == load_run(finished).backend


@pytest.mark.parametrize(
    ("backend", "damaged"),
    [
        ("torch", "model.safetensors"),
        ("torch", "config.json"),
        ("torch", "tokenizer.json"),
        ("onnx", "tokenizer.json"),
        ("onnx", "onnx/model.onnx"),
        ("onnx", "onnx/model.onnx.data"),
    ],
)
def test_no_damaged_file_answers(finished, tmp_path, backend, damaged):
    folder = tmp_path / "run"
    shutil.copytree(finished, folder)
    path = folder / damaged
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(RunError, match=rf"{damaged} is damaged: its bytes are not those that were written") as error:
        load_run(folder, backend=backend).predict(["a great day"])
    assert error.value.hint.startswith("bertkit export" if "onnx/" in damaged else "copy the run again")


def test_a_damaged_record_of_graphs_is_named(finished, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(finished, folder)
    (folder / run.BACKENDS_FILE).write_text("{}")
    with pytest.raises(RunError, match=r"backends\.json is damaged"):
        run.load(folder)


def test_a_folder_that_cannot_be_put_in_the_place_of_another_leaves_it(tmp_path, monkeypatch):
    folder, work = tmp_path / "run", tmp_path / "run.new"
    for path in (folder, work):
        path.mkdir()
        (path / path.name).touch()

    def fail(*_):
        raise OSError(5, "broken")

    monkeypatch.setattr(durable, "rename", fail)
    with pytest.raises(OSError, match="broken"):
        durable.replace_folder(folder, work)
    assert (folder / "run").is_file()
    assert (work / "run.new").is_file()
    monkeypatch.undo()
    durable.replace_folder(folder, work)
    assert [path.name for path in tmp_path.rglob("*")] == ["run", "run.new"]


def test_save_completes_a_run_and_leaves_no_parts(finished, tmp_path):
    info = {
        key: value for key, value in run.load(finished).info.items() if key not in {"format", "created", "backends"}
    }
    (tmp_path / run.STATE_FILE).write_text("{}")
    (tmp_path / run.CHECKPOINTS).mkdir()
    saved = run.save(tmp_path, info)
    assert run.complete(tmp_path, tmp_path).info == saved.info
    assert sorted(path.name for path in tmp_path.iterdir()) == ["recipe.toml", "run.json"]
    assert saved.info["format"] == run.FORMAT


def test_a_run_that_was_killed_before_it_got_its_place_gets_it_when_it_is_resumed(finished, tmp_path, monkeypatch):
    folder, work = tmp_path / "run", tmp_path / "run.new"
    for path in (folder, work):
        shutil.copytree(finished, path)
    (folder / "old").touch()
    state = {"replaces": True, "processes": 1, "machine": {"threads": 1}}
    sealed.write(work / run.STATE_FILE, state)
    monkeypatch.setenv("BERTKIT_RUNS", str(tmp_path))
    assert run.unfinished() == [work]
    assert resume(work).folder == folder
    assert not (folder / "old").exists()
    assert [path.name for path in tmp_path.glob("run*")] == ["run"]
    assert run.unfinished() == []


def test_a_resume_never_replaces_what_is_no_run(tmp_path):
    folder, work = tmp_path / "letters", tmp_path / "letters.new"
    folder.mkdir()
    (folder / "mine.txt").touch()
    work.mkdir()
    state = {"replaces": True, "processes": 1, "machine": {"threads": 1}}
    sealed.write(work / run.STATE_FILE, state)
    with pytest.raises(UsageError, match="letters holds other things than a run"):
        resume(work)
    assert (folder / "mine.txt").exists()


def test_a_copy_named_old_is_left_alone(finished, tmp_path):
    for name in ("run", "run.new", "run.old"):
        shutil.copytree(finished, tmp_path / name)
    run.complete(tmp_path / "run", tmp_path / "run.new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "run.old"]


def test_overwriting_never_removes_what_an_earlier_attempt_has_trained(finished, tmp_path):
    folder, work = tmp_path / "run", tmp_path / "run.new"
    shutil.copytree(finished, folder)
    (work / run.CHECKPOINTS / "checkpoint-1").mkdir(parents=True)
    sealed.write(work / run.STATE_FILE, {})
    with pytest.raises(UsageError, match="holds an earlier training") as error:
        run_folder.work(folder)
    assert error.value.hint.startswith(f"bertkit finetune --resume {work}")
    assert (work / run.CHECKPOINTS / "checkpoint-1").exists()
