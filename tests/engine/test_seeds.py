import json
import os
import signal
from statistics import mean, stdev

import pytest

import bertkit
from bertkit.engine import layers, run
from bertkit.engine.finetune import resume
from bertkit.engine.seeds import _copy, summarise
from bertkit.errors import DataError, Interrupted, UsageError
from tests.command_line import LEARNS, write_reviews

pytest_plugins = ("tests.fixtures",)
SHORT = [*LEARNS, "train.seed=7", "train.epochs=1", "train.metric=average_precision"]


@pytest.fixture(scope="module")
def seeded(tiny, tmp_path_factory):
    """Two seeds of one short training."""
    folder = tmp_path_factory.mktemp("seeds")
    data = write_reviews(folder / "train.csv", rows=40)
    return bertkit.finetune(model=str(tiny), data=str(data), overrides=SHORT, seeds=2, output=str(folder / "run"))


def test_seeds_lie_below_the_best_one(seeded):
    below = {path.name: run.load(path) for path in (seeded.folder / "seeds").iterdir()}
    assert set(below) == {"7", "8"}
    assert [below[name].recipe.train.seed for name in ("7", "8")] == [7, 8]
    scores = {name: one.info["scores"]["validation"]["average_precision"] for name, one in below.items()}
    assert scores["7"] != scores["8"]
    best = below[max(scores, key=scores.get)]
    assert seeded.info["scores"] == best.info["scores"]
    assert (seeded.folder / "model.safetensors").read_bytes() == (best.folder / "model.safetensors").read_bytes()
    assert run.load(seeded.folder).info == seeded.info


def test_seeds_share_the_held_out_rows_but_not_the_weights(seeded):
    first, second = (run.load(seeded.folder / "seeds" / name) for name in ("7", "8"))
    assert first.held_out() == second.held_out()
    assert (first.folder / "model.safetensors").read_bytes() != (second.folder / "model.safetensors").read_bytes()


def test_seeds_are_summarised_in_the_run(seeded):
    summary = json.loads((seeded.folder / "run.json").read_text(encoding="utf-8"))["seeds"]
    assert summary["names"] == ["7", "8"]
    runs = [run.load(seeded.folder / "seeds" / name) for name in ("7", "8")]
    values = [one.info["scores"]["validation"]["accuracy"] for one in runs]
    rows = {row[0]: row[1:] for row in summary["scores"]}
    assert rows["accuracy"] == pytest.approx([mean(values), stdev(values), min(values), max(values)])


def test_summarise_names_collapsed_seeds(seeded):
    class Stub:
        def __init__(self, name, accuracy, collapsed):
            self.folder = seeded.folder / name
            # In run.json, null stands for a score that is no number.
            scores = {"accuracy": accuracy, "roc_auc": None, "f1": float("nan")}
            self.info = {"scores": {"validation": scores}, "training": {"collapsed": collapsed}}

    found = summarise([Stub("1", 0.5, True), Stub("2", 0.9, False), Stub("3", 1.0, False)])
    assert found["collapsed"] == ["1"]
    assert found["scores"] == [["accuracy", pytest.approx(0.8), pytest.approx(0.264575), 0.5, 1.0]]


def test_graph_of_a_seed_is_not_that_of_the_best_run(tmp_path):
    (tmp_path / "seed" / "onnx").mkdir(parents=True)
    (tmp_path / "seed" / "config.json").touch()
    (tmp_path / "best").mkdir()
    _copy(tmp_path / "seed", tmp_path / "best")
    assert [path.name for path in (tmp_path / "best").iterdir()] == ["config.json"]


def test_seeds_refuse_an_existing_output(seeded):
    with pytest.raises(UsageError, match="not empty"):
        bertkit.finetune("sentiment", seeds=2, output=str(seeded.folder))


def test_seeds_of_bad_rows_leave_nothing_behind(tiny, tmp_path):
    (tmp_path / "train.csv").write_text("text,label\n", encoding="utf-8")
    with pytest.raises(DataError):
        bertkit.finetune(model=str(tiny), data=str(tmp_path / "train.csv"), seeds=2, output=str(tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_interrupted_seeds_go_on_where_they_stopped(seeded, tiny, tmp_path, monkeypatch):
    data = write_reviews(tmp_path / "train.csv", rows=40)
    starts = []

    def interrupt_the_second(phase, done, total, **facts):
        starts.append(done == 1)
        if sum(starts) == 2 and done == 2:
            os.kill(os.getpid(), signal.SIGINT)

    folder = tmp_path / "run"
    with pytest.raises(Interrupted) as caught:
        bertkit.finetune(
            model=str(tiny), data=str(data), overrides=SHORT, seeds=2, output=str(folder), progress=interrupt_the_second
        )
    assert caught.value.hint == f"bertkit finetune --resume {folder}"
    first = (folder / "seeds" / "7" / "run.json").read_bytes()
    state = json.loads((folder / run.STATE_FILE).read_text(encoding="utf-8"))
    monkeypatch.setattr(layers, "fastest_linear", lambda device: "another")
    finished = resume(folder)
    assert run.load(folder / "seeds" / "8").info["training"]["linear"] == state["linear"]
    assert (folder / "seeds" / "7" / "run.json").read_bytes() == first
    assert finished.info["seeds"]["scores"] == seeded.info["seeds"]["scores"]
    assert not (folder / run.STATE_FILE).exists()
