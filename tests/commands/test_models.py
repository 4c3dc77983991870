from bertkit.engine.checkpoint import package_folder

pytest_plugins = ("tests.fixtures",)


def test_models_lists_sizes_and_what_is_here(bertkit):
    models = {row["name"]: row for row in bertkit("models", "--json").document["data"]["models"]}
    assert models["base"]["repository"].count("/") == 1
    assert models["base"]["layers"] == 12
    assert models["minilm"]["here"] is (package_folder() is not None)
    assert all(name in bertkit("models").out for name in models)
