import json

import pytest

from bertkit.engine.family import longest_input
from bertkit.engine.finetune import finetune
from bertkit.errors import ModelError
from tests.families import LIMIT, build

pytest_plugins = ("tests.fixtures",)


@pytest.fixture
def changed(tmp_path):
    """Copies a family's checkpoint with other entries in its config."""

    def change(name, **entries):
        folder = build(name, tmp_path / name)
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | entries))
        return folder

    return change


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ({"model_type": "gpt2"}, "'gpt2' is not one of the encoders albert, bert"),
        ({"model_type": "t5"}, "'t5' is not one of the encoders albert, bert"),
        ({"model_type": "longformer"}, "'longformer' is not one of the encoders albert, bert"),
        ({"is_decoder": True}, "this bert is a decoder"),
        ({"auto_map": {"AutoModel": "modeling.Model"}}, "brings Python code"),
    ],
)
def test_finetune_refuses_by_name_what_it_cannot_train(changed, reviews, tmp_path, entries, said):
    folder = str(changed("bert", **entries))
    with pytest.raises(ModelError, match=said) as error:
        finetune(model=folder, data=str(reviews), columns={"text": "text", "label": "label"}, output=f"{tmp_path}/run")
    assert "bertkit models" in error.value.hint
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("name", "padding", "tokens"),
    [("roberta", 0, LIMIT + 1), ("mpnet", 0, LIMIT), ("mpnet", None, LIMIT), ("bert", None, LIMIT)],
)
def test_longest_input_counts_from_the_padding_where_the_model_does(changed, name, padding, tokens):
    assert longest_input(changed(name, pad_token_id=padding)) == tokens


def test_longest_input_without_the_padding_it_counts_from_is_a_model_error(changed):
    with pytest.raises(ModelError, match="pad_token_id: None"):
        longest_input(changed("roberta", pad_token_id=None))
