import csv
import itertools
import shlex

import pytest

from bertkit import adapters
from bertkit.engine import load
from bertkit.engine.prepare import load_encoder
from bertkit.engine.request import Request, resolve
from bertkit.recipe import catalog

TASKS = catalog.names()
SAMPLED = [name for name in TASKS if catalog.sample(catalog.find(name))]
LARGEST_SAMPLE = 300_000


def test_bundled_tasks_are_all_there():
    assert len(TASKS) == 8
    assert len(SAMPLED) == 5


@pytest.mark.parametrize("task", TASKS)
def test_bundled_recipe_is_valid_and_names_its_columns(task):
    recipe = resolve(Request(task=task)).recipe
    adapter = adapters.create(recipe.adapter.name, recipe.adapter.model_dump(exclude={"name"}))
    load.check_roles(adapter, recipe)
    assert {column.role for column in adapter.layouts[0] if not column.optional} <= recipe.columns.keys()
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
    wanted = set(resolve(Request(task=task)).recipe.columns.values())
    texts = []
    for path in files.values():
        with path.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream, strict=True))
        assert wanted <= set(rows[0])
        columns = resolve(Request(task=task)).recipe.columns
        texts.append({tuple(row[columns[role]] for role in columns if role != "label") for row in rows})
    assert not texts[0] & texts[1]


@pytest.mark.parametrize("task", SAMPLED)
def test_bundled_sample_teaches_its_labels_and_encodes(task, minilm_folder):
    recipe = resolve(Request(task=task, data="sample")).recipe
    bare = adapters.create(recipe.adapter.name, recipe.adapter.model_dump(exclude={"name"}))
    train, validation = (load.split(recipe, split, bare) for split in ("train", "validation"))
    adapter = bare.learn_labels(train.rows)
    adapter.check_labels(validation.rows)
    names = recipe.adapter.model_dump()["names"]
    assert not names or adapter.labels == names
    assert not train.dropped
    assert not validation.dropped
    encoder = load_encoder(minilm_folder, recipe.encode, 512)
    encoded = adapter.encode(validation.rows, encoder, targets=True)
    assert [window.row for window in encoded.windows] == list(range(len(validation.rows)))
    assert (encoded.seen == encoded.tokens).mean() > 0.95
