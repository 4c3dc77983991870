import tomllib

import pytest

from bertkit.engine import run
from bertkit.engine.request import Request, resolve
from tests.command_line import write_csv, write_reviews

pytest_plugins = ("tests.fixtures",)

HEAD = ["text", "label"]
ONE_CLASS = [HEAD, *(["a fine day", "good"] for _ in range(30))]
MANY = [*(["a fine day", "good"] for _ in range(15)), *(["a dull day", "bad"] for _ in range(15))]
NAMED = ("--text", "text", "--label", "label")


def everything_under(folder):
    return sorted((path.relative_to(folder), path.is_file() and path.stat().st_mtime_ns) for path in folder.rglob("*"))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "train.csv is empty"),
        (b"text,label\n", "train.csv has no usable rows"),
        (b"text,label\n,good\n ,bad\n", "train.csv has no usable rows"),
        (b"text,label\na fine day,good\na dull,grey day,bad\n", "train.csv:3: 3 fields, the header has 2"),
        ("text,label\na fine day,good\nun été gris,bad\n".encode("latin-1"), "train.csv:3: byte 0xE9"),
        (b'text,label\n"a fine day,good\n', "train.csv:2: a quote is opened here and never closed"),
        (
            b"txet,label\na fine day,good\n",
            'no column "text" (wanted as text). It has: txet, label. Did you mean "txet"',
        ),
    ],
    ids=["empty", "header-only", "no-text", "ragged", "latin-1", "open-quote", "missing-column"],
)
@pytest.mark.parametrize("columns", [(), NAMED], ids=["inferred", "named"])
def test_bad_table_is_refused_with_its_place(bertkit, tiny, tmp_path, runs, content, said, columns):
    if not columns and b"txet" in content:
        columns = NAMED
    data = tmp_path / "train.csv"
    data.write_bytes(content)
    done = bertkit("finetune", "--data", data, "--model", tiny, *columns)
    assert done.code == 2
    assert said in done.err
    assert not runs.exists()


def test_single_class_is_refused(bertkit, tiny, tmp_path, runs):
    data = write_csv(tmp_path / "train.csv", ONE_CLASS)
    done = bertkit("finetune", "--data", data, "--model", tiny, *NAMED)
    assert done.code == 2
    assert "train.csv: a classifier needs at least two labels" in done.err
    assert not runs.exists()


def test_unknown_label_in_the_validation_file_is_refused(bertkit, tiny, tmp_path, runs):
    data = write_csv(tmp_path / "train.csv", [HEAD, *MANY])
    other = write_csv(tmp_path / "dev.csv", [HEAD, ["a fine day", "good"], ["a dull day", "badd"]])
    done = bertkit("finetune", "--data", data, "--validation", other, "--model", tiny, *NAMED)
    assert done.code == 2
    assert 'dev.csv:3: label "badd" (1 rows); did you mean "bad"?' in done.err
    assert not runs.exists()


def test_existing_output_is_refused_before_anything_is_read(bertkit, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    done = bertkit("finetune", "--data", tmp_path / "nowhere.csv", "-o", tmp_path / "mine")
    assert done.code == 2
    assert "mine holds other things than a run" in done.err
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"


def test_finetune_tells_the_scores_and_what_comes_next(bertkit, tiny, reviews, runs):
    done = bertkit("finetune", "--data", reviews, "--model", tiny, "--set", "train.epochs=1")
    assert done.code == 0
    (folder,) = runs.iterdir()
    assert folder.name.startswith("train-")
    assert "accuracy" in done.out
    assert f"The run is in {folder}" in " ".join(done.out.split())
    assert 'column "label" is the label' in done.err
    assert f"Next: bertkit eval --run {folder}" in done.err


def test_flags_go_before_set_and_recipe(bertkit, tiny, reviews, tmp_path):
    folder = tmp_path / "run"
    flags = ("--data", reviews, "--model", tiny, "--text", "text", "--class-weights", "auto")
    overrides = ("--set", "columns.text=sms", "--set", "model=base", "--set", "train.epochs=1")
    assert bertkit("finetune", "spam", *flags, *overrides, "-o", folder).code == 0
    info = run.load(folder).info
    assert info["recipe"]["model"] == str(tiny)
    assert info["recipe"]["columns"] == {"text": "text", "label": "label"}
    assert info["recipe"]["adapter"]["class_weights"] == "auto"
    assert info["origins"]["train.epochs"] == "--set"


def test_dry_run_writes_nothing_and_shows_the_plan(bertkit, tiny, reviews, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = everything_under(tmp_path), everything_under(tiny), everything_under(reviews.parent)
    done = bertkit("finetune", "--data", reviews, "--model", tiny, "--dry-run", "--set", "train.epochs=2")
    assert done.code == 0
    assert (everything_under(tmp_path), everything_under(tiny), everything_under(reviews.parent)) == before
    assert "epochs = 2.0" in done.out
    assert "[CLS] a" in done.out
    assert "6 steps of 32 rows" in " ".join(done.out.split())


def test_dry_run_shows_the_segments_of_a_pair(bertkit, tiny):
    arguments = ("finetune", "similarity", "--data", "sample", "--model", tiny, "--dry-run", "--json")
    done = bertkit(*arguments, "--set", "train.batch_size=4")
    first = done.document["data"]["samples"][0]
    assert first == "[CLS] a dog leaping over a hurdle . [SEP] (0) a dog leaps over the hurdle . [SEP] (1)"


def test_saved_recipe_is_read_back_as_the_same_recipe(bertkit, tiny, reviews, tmp_path):
    saved = tmp_path / "mine.toml"
    overrides = ("train.epochs=2", "train.learning_rate=2e-5", "adapter.threshold=off", "train.extra.adam_beta2=0.98")
    arguments = [word for value in overrides for word in ("--set", value)]
    done = bertkit("finetune", "--data", reviews, "--model", tiny, *arguments, "--save-recipe", saved, "--dry-run")
    assert done.code == 0
    asked = resolve(Request(model=str(tiny), data=str(reviews), overrides=overrides)).recipe
    assert tomllib.loads(saved.read_text(encoding="utf-8"))["train"]["learning_rate"] == 2e-5
    assert resolve(Request(str(saved))).recipe == asked


def test_saved_recipe_replaces_no_file(bertkit, tiny, reviews, tmp_path):
    saved = tmp_path / "mine.toml"
    saved.write_text("precious = true")
    arguments = ("finetune", "--data", reviews, "--model", tiny, "--dry-run", "--save-recipe")
    assert bertkit(*arguments, saved).code == 2
    assert saved.read_text() == "precious = true"
    assert bertkit(*arguments, tmp_path / "nowhere" / "mine.toml").code == 2
    assert bertkit(*arguments, saved, "--overwrite").code == 0
    assert "[train]" in saved.read_text()


def test_seeds_are_summed_up(bertkit, tiny, tmp_path):
    data = write_reviews(tmp_path / "train.csv", rows=40)
    arguments = ("finetune", "--data", data, "--model", tiny, "--set", "train.epochs=1", "--seeds", 2)
    done = bertkit(*arguments, "-o", tmp_path / "run")
    assert done.code == 0
    assert "Over seeds" in done.out
    assert "Seed 43 (2 of 2)" in done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--allow-change",), "--allow-change says that a stopped run may go on otherwise than it began"),
        (("--resume", "nowhere", "--data", "x.csv"), "of the other options it takes --set and --allow-change"),
        (("--resume", "nowhere", "--set", "train.epochs=5", "--allow-change"), "nowhere is no interrupted run"),
    ],
)
def test_options_of_resume(bertkit, runs, arguments, said):
    done = bertkit("finetune", *arguments)
    assert done.code == 2
    assert said in " ".join(done.err.split())
    assert not runs.exists()
