import pytest

pytest_plugins = ("tests.fixtures",)


def values(out):
    """The lines of `tasks show` as key: (value, origin)."""
    cells = [line.split() for line in out.splitlines()]
    return {line[0]: (" ".join(line[1:-1]), line[-1]) for line in cells if len(line) >= 3}


def test_list_names_the_tasks_and_their_samples(bertkit):
    listed = {row["task"]: row for row in bertkit("tasks", "list", "--json").document["data"]["tasks"]}
    assert len(listed) == 12
    assert listed["sentiment"] == {
        "task": "sentiment",
        "title": "Is this sentence positive or negative?",
        "sample": "yes",
        "hub": "stanfordnlp/sst2",
    }
    assert listed["nli"]["sample"] == "no"
    assert all(name in bertkit("tasks", "list").out for name in listed)


def test_show_tells_where_each_value_comes_from(bertkit):
    shown = values(bertkit("tasks", "show", "sentiment", "--set", "train.epochs=3").out)
    assert shown["train.epochs"] == ("3.0000", "--set")
    assert shown["encode.max_length"] == ("128", "recipe.toml")
    assert shown["train.batch_size"] == ("32", "default")
    assert shown["columns.text"] == ("sentence", "recipe.toml")


def test_copy_makes_a_task_of_ones_own(bertkit, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert bertkit("tasks", "copy", "sentiment").code == 0
    assert {path.name for path in (tmp_path / "sentiment").iterdir()} >= {"recipe.toml", "train.csv", "validation.csv"}
    assert bertkit("tasks", "check", "./sentiment").code == 0


def test_copy_refuses_what_exists(bertkit, tmp_path):
    assert bertkit("tasks", "copy", "intent", tmp_path / "mine").code == 0
    recipe = tmp_path / "mine" / "recipe.toml"
    recipe.write_text(recipe.read_text() + "\n[train]\nepochs = 5\n")
    refused = bertkit("tasks", "copy", "intent", tmp_path / "mine")
    assert refused.code == 2
    assert "exists" in refused.err
    assert "epochs = 5" in recipe.read_text()
    assert bertkit("tasks", "copy", "intent", tmp_path / "mine", "--overwrite").code == 0
    assert "epochs = 5" not in recipe.read_text()


def test_copy_below_a_file_is_refused(bertkit, tmp_path):
    (tmp_path / "file").write_text("")
    assert bertkit("tasks", "copy", "intent", tmp_path / "file" / "mine").code == 2


@pytest.mark.parametrize("task", ["sentiment", "emotions", "similarity", "nli"])
def test_check_finds_a_built_in_task_in_order(bertkit, task):
    done = bertkit("tasks", "check", task, "--json")
    assert done.code == 0
    assert "named, not fetched" in done.document["data"]["checked"]["hub data set"]


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("max_length", "max_lenght", "encode.max_lenght"),
        ('labels = "single"', 'labels = "sinlge"', "adapter.labels"),
        ('text = "sentence"', 'text = "sentense"', 'train.csv has no column "sentense" (wanted as text)'),
        ('text = "sentence"', 'txt = "sentence"', "columns.txt"),
        ('title = "', 'title = "two"quotes', "recipe.toml is not a valid TOML file"),
    ],
)
def test_check_finds_the_place_of_a_mistake(bertkit, tmp_path, old, new, place):
    bertkit("tasks", "copy", "sentiment", tmp_path / "mine")
    recipe = tmp_path / "mine" / "recipe.toml"
    recipe.write_text(recipe.read_text().replace(old, new))
    done = bertkit("tasks", "check", tmp_path / "mine")
    assert done.code == 2
    assert place in done.err


def test_check_finds_a_wrong_label_in_the_sample(bertkit, tmp_path):
    bertkit("tasks", "copy", "sentiment", tmp_path / "mine")
    with (tmp_path / "mine" / "validation.csv").open("a", encoding="utf-8") as stream:
        stream.write("so-so,negativ\n")
    done = bertkit("tasks", "check", tmp_path / "mine", "--json")
    assert done.code == 2
    assert 'validation.csv:302: label "negativ" (1 rows); did you mean "negative"?' in done.document["error"]["message"]


def test_check_refuses_a_field_that_trainer_does_not_have(bertkit):
    done = bertkit("tasks", "check", "sentiment", "--set", "train.extra.adam_beta=0.9", "--json")
    assert done.code == 2
    assert 'did you mean "adam_beta2"?' in done.document["error"]["message"]
