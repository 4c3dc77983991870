import shutil

import pytest

from bertkit.errors import RecipeError
from bertkit.recipe import catalog


def test_names_are_the_folders_with_a_recipe():
    folders = {folder.name for folder in catalog.tasks_folder().iterdir() if (folder / "recipe.toml").is_file()}
    assert catalog.names() == sorted(folders)
    assert "sentiment" in catalog.names()


def test_tasks_folder_inside_the_package_comes_first(tmp_path, monkeypatch):
    monkeypatch.setattr(catalog, "PACKAGE", tmp_path / "bertkit")
    (tmp_path / "tasks" / "outer").mkdir(parents=True)
    (tmp_path / "tasks" / "outer" / "recipe.toml").touch()
    assert catalog.names() == ["outer"]
    shutil.copytree(tmp_path / "tasks" / "outer", tmp_path / "bertkit" / "tasks" / "inner")
    assert catalog.names() == ["inner"]


def test_find_by_name_by_file_and_by_folder(tmp_path):
    recipe = catalog.tasks_folder() / "spam" / "recipe.toml"
    mine = shutil.copy(recipe, tmp_path / "mine.toml")
    assert catalog.find("spam") == recipe
    assert catalog.find(str(mine)) == tmp_path / "mine.toml"
    assert catalog.find(str(recipe.parent)) == recipe


def test_find_misspelt_name_offers_the_nearest():
    with pytest.raises(RecipeError, match=r'"sentimnt".*Did you mean "sentiment"') as error:
        catalog.find("sentimnt")
    assert error.value.hint == "bertkit finetune sentiment"


@pytest.mark.parametrize("task", ["zzzzzz", "/no/such/recipe.toml"])
def test_find_unknown_name_lists_the_tasks(task):
    with pytest.raises(RecipeError, match="emotions, intent") as error:
        catalog.find(task)
    assert error.value.hint == "bertkit tasks list"


def test_find_folder_without_a_recipe_is_refused(tmp_path):
    with pytest.raises(RecipeError, match="no task or recipe"):
        catalog.find(str(tmp_path))


@pytest.mark.parametrize("extension", ["csv", "conllu", "jsonl.gz"])
def test_sample_gives_the_files_that_are_there(tmp_path, extension):
    assert catalog.sample(tmp_path / "recipe.toml") == {}
    train, validation = tmp_path / f"train.{extension}", tmp_path / f"validation.{extension}"
    train.touch()
    assert catalog.sample(tmp_path / "recipe.toml") == {"train": train}
    validation.touch()
    assert catalog.sample(tmp_path / "recipe.toml") == {"train": train, "validation": validation}


def test_sample_passes_over_folders_and_files_of_other_names(tmp_path):
    (tmp_path / "train.csv").mkdir()
    for name in ("training.csv", "test.csv", "train"):
        (tmp_path / name).touch()
    assert catalog.sample(tmp_path / "recipe.toml") == {}
