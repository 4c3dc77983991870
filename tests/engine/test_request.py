import logging

import pytest

from bertkit.engine.request import Request, resolve
from bertkit.errors import DataError, RecipeError, UsageError
from bertkit.recipe import catalog

RECIPE = """
[adapter]
name = "sequence-classification"
[columns]
text = "review"
label = "stars"
[data]
train = "train.csv"
validation = "sub/dev.csv"
"""


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "reviews.csv"
    rows = "".join(f"a long review with number {line},{line % 3}\n" for line in range(20))
    path.write_text(f"review,stars\n{rows}", encoding="utf-8")
    return path


def data_of(request):
    return resolve(request).recipe.data.model_dump(include={"hub", "train", "validation", "test"}, exclude_none=True)


def test_resolve_flags_win_over_overrides_and_these_over_the_recipe():
    found = resolve(
        Request(
            task="spam",
            model="minilm",
            columns={"text": "message"},
            overrides=["model=tiny", "columns.text=body", "columns.label=kind", "train.epochs=1", "train.epochs=2"],
            settings={"train": {"batch_size": 4}},
        )
    )
    recipe = found.recipe
    assert (recipe.model, recipe.columns) == ("minilm", {"text": "message", "label": "kind"})
    assert (recipe.train.epochs, recipe.train.batch_size) == (2, 4)
    assert found.origins["model"] == "--model"
    assert found.origins["columns.text"] == "--text"
    assert found.origins["columns.label"] == "--set"
    assert found.origins["adapter.names"] == "recipe.toml"
    assert found.origins["train.batch_size"] == "flag"


def test_resolve_files_of_a_recipe_lie_beside_it(tmp_path, monkeypatch):
    (tmp_path / "recipe.toml").write_text(RECIPE, encoding="utf-8")
    monkeypatch.chdir(tmp_path.parent)
    assert data_of(Request(task=str(tmp_path))) == {
        "train": str(tmp_path / "train.csv"),
        "validation": str(tmp_path / "sub" / "dev.csv"),
    }


def test_resolve_data_file_replaces_everything_that_the_recipe_says_of_its_data(table):
    assert data_of(Request(task="emotions", data=str(table))) == {"train": str(table)}
    assert resolve(Request(task="emotions", data=str(table))).recipe.data.config is None


def test_resolve_files_hold_from_every_folder(table, monkeypatch):
    monkeypatch.chdir(table.parent)
    found = data_of(Request(task="spam", data=table.name, validation=f"./{table.name}", test=table.name))
    assert found == {"train": str(table), "validation": str(table), "test": str(table)}


def test_resolve_data_folder_gives_its_splits(table):
    train = table.rename(table.with_name("train.csv"))
    assert data_of(Request(task="spam", data=str(train.parent))) == {"train": str(train)}


def test_resolve_data_on_the_hub():
    assert data_of(Request(task="spam", data="some/rows")) == {"hub": "some/rows"}


def test_resolve_sample_of_a_task():
    files = catalog.sample(catalog.find("spam"))
    assert data_of(Request(task="spam", data="sample")) == {name: str(path) for name, path in files.items()}


def test_resolve_sample_of_a_task_without_one_names_those_with_one():
    with pytest.raises(UsageError, match='"topic" has no sample') as error:
        resolve(Request(task="topic", data="sample"))
    assert "emotions, intent, ner" in error.value.hint


def test_resolve_sample_without_a_task_is_refused():
    with pytest.raises(UsageError, match="needs a task"):
        resolve(Request(data="sample"))


@pytest.mark.parametrize("data", ["nothing.csv", "./some/rows", "some/rows.csv", "/no/such/folder", "-", "a/b/c"])
def test_resolve_data_that_is_not_there_is_refused(data):
    with pytest.raises(DataError, match="there is no such file or folder"):
        resolve(Request(task="spam", data=data))


def test_resolve_takes_hub_names_with_dots():
    assert resolve(Request(task="spam", data="owner/name-1.0")).recipe.data.hub == "owner/name-1.0"


def test_resolve_recipe_files_are_found_from_every_folder(tmp_path, monkeypatch):
    (tmp_path / "recipe.toml").write_text('[adapter]\nname = "sequence-classification"\n[data]\ntrain = "rows.csv"\n')
    monkeypatch.chdir(tmp_path)
    assert resolve(Request(task="recipe.toml")).recipe.data.train == str(tmp_path / "rows.csv")


def test_resolve_without_task_and_data_says_what_is_needed():
    with pytest.raises(UsageError, match="needs a task, a recipe or a table"):
        resolve(Request())


def test_resolve_without_a_recipe_infers_and_says_so(table, caplog):
    with caplog.at_level(logging.INFO, "bertkit"):
        found = resolve(Request(data=str(table)))
    assert found.recipe.columns == {"text": "review", "label": "stars"}
    assert found.recipe.adapter.name == "sequence-classification"
    assert found.origins["columns.text"] == "inferred"
    assert sum(message.startswith("Inferred: ") for message in caplog.messages) == 3


def test_resolve_inferred_values_yield_to_flags_and_overrides(table):
    found = resolve(
        Request(data=str(table), columns={"text": "stars", "label": "review"}, overrides=["adapter.labels=single"])
    )
    assert found.recipe.columns == {"text": "stars", "label": "review"}
    assert found.origins["adapter.labels"] == "--set"


def test_resolve_reads_the_table_as_the_overrides_say(table):
    table.write_text(table.read_text(encoding="utf-8").replace(",", ";"), encoding="utf-8")
    found = resolve(Request(data=str(table), overrides=["data.delimiter=;"]))
    assert found.recipe.columns == {"text": "review", "label": "stars"}


def test_resolve_reads_column_names_from_overrides(table):
    lines = table.read_text(encoding="utf-8").splitlines(keepends=True)
    table.write_text("".join(lines[1:]), encoding="utf-8")
    found = resolve(Request(data=str(table), overrides=['data.names=["comment", "class"]']))
    assert found.recipe.columns == {"text": "comment", "label": "class"}


def test_resolve_wrong_reading_setting_is_a_recipe_error(table):
    with pytest.raises(RecipeError, match=r"^data\.delimiter: "):
        resolve(Request(data=str(table), overrides=["data.delimiter=ab"]))


def test_resolve_table_without_label_names_its_columns(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("text\nonly texts in here\nand another one\n")
    with pytest.raises(DataError, match=r"cannot tell which column.*Columns: text") as error:
        resolve(Request(data=str(path)))
    assert error.value.hint.startswith("--text COLUMN --label COLUMN, or name the task")


def test_resolve_hub_data_without_a_recipe_is_refused():
    with pytest.raises(UsageError, match='"some/rows" is not a file'):
        resolve(Request(data="some/rows"))


@pytest.mark.parametrize(
    ("request_", "label"),
    [
        (Request(task="spam", data="x.csv"), "spam"),
        (Request(task="my/recipe.toml"), "recipe"),
        (Request(data="data/reviews.csv"), "reviews"),
        (Request(data="some/rows"), "rows"),
        (Request(), "run"),
    ],
)
def test_label_names_the_run(request_, label):
    assert request_.label == label
