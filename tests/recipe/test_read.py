import pytest

from bertkit.engine.request import settings_model
from bertkit.errors import RecipeError
from bertkit.recipe.read import Layer, parse_override, read_file, resolve

MINIMAL = {"adapter": {"name": "sequence-classification"}, "columns": {"text": "review", "label": "stars"}}


def resolved(*layers):
    return resolve([Layer("recipe.toml", MINIMAL), *layers], settings_model)


def mistakes(*layers):
    with pytest.raises(RecipeError) as error:
        resolved(*layers)
    return error.value.message.splitlines()


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("train.epochs=3", {"train": {"epochs": 3}}),
        ("train.learning_rate=2e-5", {"train": {"learning_rate": 2e-5}}),
        (" train.epochs = 0.5 ", {"train": {"epochs": 0.5}}),
        ("train.gradient_checkpointing=true", {"train": {"gradient_checkpointing": True}}),
        ('adapter.names=["no", "yes"]', {"adapter": {"names": ["no", "yes"]}}),
        ("model=google/electra-small-discriminator", {"model": "google/electra-small-discriminator"}),
        ("columns.text=the review", {"columns": {"text": "the review"}}),
        ("columns.text=yes", {"columns": {"text": "yes"}}),
        ('columns.label="1"', {"columns": {"label": "1"}}),
        ("columns.text=a=b", {"columns": {"text": "a=b"}}),
        ("title=", {"title": ""}),
        ("train.extra.optim_args=a.b=c", {"train": {"extra": {"optim_args": "a.b=c"}}}),
    ],
)
def test_parse_override_reads_values_as_toml_and_the_rest_as_text(text, values):
    layer = parse_override(text)
    assert (layer.origin, layer.values) == ("--set", values)


@pytest.mark.parametrize("text", ["train.epochs", "=3", "train.=3", ".epochs=3", "train..epochs=3", ""])
def test_parse_override_without_key_or_value_is_refused(text):
    with pytest.raises(RecipeError, match=r"not of the form section\.key=value") as error:
        parse_override(text)
    assert error.value.hint == "--set train.epochs=3"


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"[train\nepochs = 3", "line 1"), (b"a = 1\nb = ?", "line 2"), (b'title = "\xe9"', "utf-8")],
)
def test_read_file_that_is_not_toml_is_refused(tmp_path, content, said):
    path = tmp_path / "broken.toml"
    path.write_bytes(content)
    with pytest.raises(RecipeError, match=f"broken.toml is not a valid TOML file: .*{said}"):
        read_file(path)


def test_read_file_takes_its_name_as_origin(tmp_path):
    (tmp_path / "mine.toml").write_text('title = "Wörter"\n[train]\nlearning_rate = 2e-5\n', encoding="utf-8")
    layer = read_file(tmp_path / "mine.toml")
    assert (layer.origin, layer.values) == ("mine.toml", {"title": "Wörter", "train": {"learning_rate": 2e-5}})


def test_resolve_stronger_layers_win_and_leave_the_rest():
    found = resolved(
        Layer("recipe.toml", {"train": {"epochs": 1, "batch_size": 8, "seed": 1}}),
        parse_override("train.epochs=2"),
        parse_override("train.batch_size=16"),
        Layer("flag", {"train": {"epochs": 3}}),
    )
    train = found.recipe.train
    assert (train.epochs, train.batch_size, train.seed, train.warmup) == (3, 16, 1, 0.1)
    assert found.origins == {
        "adapter.name": "recipe.toml",
        "columns.text": "recipe.toml",
        "columns.label": "recipe.toml",
        "train.epochs": "flag",
        "train.batch_size": "--set",
        "train.seed": "recipe.toml",
    }


def test_resolve_value_taken_away_has_no_origin():
    found = resolved(Layer("recipe.toml", {"data": {"hub": "a/b"}}), Layer("--data", {"data": {"hub": None}}))
    assert found.recipe.data.hub is None
    assert "data.hub" not in found.origins


def test_resolve_leaves_the_layers_as_they_were():
    table = {"train": {"extra": {"optim": "adamw_torch"}}}
    resolved(Layer("recipe.toml", table), parse_override("train.extra.optim=sgd"))
    assert table == {"train": {"extra": {"optim": "adamw_torch"}}}


def test_resolve_fills_in_the_settings_of_the_adapter():
    adapter = resolved().recipe.adapter.model_dump()
    assert adapter["labels"] == "single"
    assert adapter["threshold"] == "auto"


def test_resolve_reports_every_mistake_with_place_origin_and_nearest_key():
    table = {
        "modle": "small",
        "train": {"epoch": 3, "batch_size": 0, "warmup": 2},
        "encode": {"max_lenght": 3, "truncate": "middle"},
        "adapter": {"name": "sequence-classification", "label": "single", "labels": "two"},
        "metrics": "f1",
    }
    found = mistakes(Layer("mine.toml", table), parse_override("data.on_empty=ignore"))
    assert sorted(line.partition(":")[0] for line in found) == [
        "adapter.label",
        "adapter.labels",
        "data.on_empty",
        "encode.max_lenght",
        "encode.truncate",
        "metrics",
        "modle",
        "train.batch_size",
        "train.epoch",
        "train.warmup",
    ]
    assert 'modle: unknown key; did you mean "model"? (from mine.toml)' in found
    assert 'train.epoch: unknown key; did you mean "epochs"? (from mine.toml)' in found
    assert 'encode.max_lenght: unknown key; did you mean "max_length"? (from mine.toml)' in found
    assert 'adapter.label: unknown key; did you mean "labels"? (from mine.toml)' in found
    assert "train.warmup: input should be less than 1 (from mine.toml)" in found
    assert any(line.startswith("data.on_empty") and line.endswith("(from --set)") for line in found)


def test_resolve_unknown_key_without_a_near_one_lists_the_known():
    assert mistakes(parse_override("encode.zzz=1")) == [
        "encode.zzz: unknown key; known: max_length, truncate, stride (from --set)"
    ]


def test_resolve_unknown_adapter_does_not_hide_other_mistakes():
    found = mistakes(Layer("flag", {"adapter": {"name": "sequence-clasification"}, "train": {"epoch": 1}}))
    assert any('Did you mean "sequence-classification"?' in line for line in found)
    assert any(line.startswith("train.epoch:") for line in found)


@pytest.mark.parametrize(
    ("override", "place"),
    [
        ("train.epochs=many", "train.epochs"),
        ("train.epochs=0", "train.epochs"),
        ("train.epochs=inf", "train.epochs"),
        ("train.learning_rate=nan", "train.learning_rate"),
        ("adapter.threshold=1.5", "adapter.threshold"),
        ("data.delimiter=ab", "data.delimiter"),
        ("train=3", "train"),
        ("adapter=3", "adapter"),
        ("columns.text=3", "columns.text"),
        ("adapter.names=a", "adapter.names"),
    ],
)
def test_resolve_wrong_value_is_named_by_its_dotted_place(override, place):
    found = mistakes(parse_override(override))
    assert found
    assert {line.partition(":")[0] for line in found} == {place}


def test_resolve_without_adapter_says_so():
    with pytest.raises(RecipeError, match=r"^adapter: field required"):
        resolve([Layer("recipe.toml", {"title": "x"})], settings_model)
