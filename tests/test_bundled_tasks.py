import itertools
import shlex

import pytest

from bertkit import adapters
from bertkit.data.tables import open_table
from bertkit.engine import load
from bertkit.engine.request import Request, resolve
from bertkit.engine.tokenizer import load_encoder
from bertkit.recipe import catalog

TASKS = catalog.names()
SAMPLED = [name for name in TASKS if catalog.sample(catalog.find(name))]
LARGEST_SAMPLE = 300_000


def create(recipe):
    return adapters.create(recipe.adapter.name, recipe.adapter.model_dump(exclude={"name"}))


def test_bundled_tasks_are_all_there():
    assert len(TASKS) == 12
    assert len(SAMPLED) == 9


@pytest.mark.parametrize("task", TASKS)
def test_bundled_recipe_is_valid_and_names_its_columns(task):
    recipe = resolve(Request(task=task)).recipe
    adapter = create(recipe)
    load.check_roles(adapter, recipe)
    needed = {column.role for column in adapter.layouts[0] if not (column.optional or column.training_only)}
    assert needed <= recipe.columns.keys()
    assert recipe.title
    assert recipe.data.hub


@pytest.mark.parametrize("task", TASKS)
def test_bundled_recipe_opens_with_the_command_that_runs_it_and_an_override(task):
    lines = catalog.find(task).read_text(encoding="utf-8").splitlines()
    first, second = (shlex.split(line) for line in lines[:2])
    assert first[:4] == ["#", "bertkit", "finetune", task]
    assert ("sample" in first) == (task in SAMPLED)
    assert second[:4] == ["#", "bertkit", "finetune", task]
    overrides = [value for option, value in itertools.pairwise(second) if option == "--set"]
    assert overrides
    resolve(Request(task=task, overrides=overrides))


@pytest.mark.parametrize("task", TASKS)
def test_bundled_task_has_a_readme_that_names_its_data(task):
    readme = (catalog.find(task).parent / "README.md").read_text(encoding="utf-8")
    assert resolve(Request(task=task)).recipe.data.hub in readme
    if task in SAMPLED:
        assert "Licence:" in readme
        assert "https://" in readme.partition("Licence:")[2]


@pytest.mark.parametrize("task", SAMPLED)
def test_bundled_sample_is_small_and_has_both_splits_with_the_columns_of_the_recipe(task):
    files = catalog.sample(catalog.find(task))
    assert list(files) == ["train", "validation"]
    assert sum(path.stat().st_size for path in files.values()) <= LARGEST_SAMPLE
    recipe = resolve(Request(task=task)).recipe
    labels = {column.role for columns in create(recipe).layouts for column in columns if column.kind == "label"}
    texts = []
    for path in files.values():
        with open_table(path) as table:
            assert set(recipe.columns.values()) <= set(table.columns)
            names = [name for role, name in recipe.columns.items() if role not in labels]
            texts.append({repr([row.values[name] for name in names]) for row in table})
    assert not texts[0] & texts[1]


@pytest.mark.parametrize("task", SAMPLED)
def test_bundled_sample_teaches_its_labels_and_encodes(task, minilm_folder):
    recipe = resolve(Request(task=task, data="sample")).recipe
    bare = create(recipe)
    train, validation = (load.split(recipe, split, bare) for split in ("train", "validation"))
    adapter = bare.learn_labels(train.rows)
    adapter.check_labels(validation.rows)
    names = recipe.adapter.model_dump().get("names")
    assert not names or adapter.labels == names
    for split in train, validation:
        assert not split.dropped
        assert not split.repaired
    encoder = load_encoder(minilm_folder, recipe.encode, 512)
    encoded = adapter.encode(validation.rows, encoder, targets=True)
    assert {window.row for window in encoded.windows} == set(range(len(validation.rows)))
    assert (encoded.seen == encoded.tokens).mean() > 0.95
    assert not encoded.remarks


@pytest.mark.parametrize("task", SAMPLED)
def test_bundled_sample_shares_no_document_between_its_splits(task):
    recipe = resolve(Request(task=task, data="sample")).recipe
    adapter = create(recipe)
    train, validation = (
        {adapter.group(row) for row in load.split(recipe, split, adapter).rows} for split in ("train", "validation")
    )
    assert train & validation <= {None}
