"""What the gate lets through: facts of real checkpoints that only look dangerous."""

import json
import shutil

import pytest

from bertkit.engine import untrusted
from bertkit.engine.family import FAMILIES
from bertkit.engine.untrusted import config, tokenizer
from bertkit.errors import ModelError

CONFIG = {
    "_name_or_path": "/home/somebody/models/bert",
    "_num_labels": 5,
    "_commit_hash": None,
    "_attn_implementation_autoset": True,
    "_flash_attn_2_enabled": False,
    "architectures": ["BertForMaskedLM"],
    "attn_implementation": "sdpa",
    "auto_map": None,
    "finetuning_task": "mnli",
    "gradient_checkpointing": False,
    "id2label": {"0": "_O", "1": "auto_map", "2": "../../B-PER"},
    "label2id": {"_O": 0, "auto_map": 1, "../../B-PER": 2},
    "pruned_heads": {"0": [1, 2]},
    "quantization_config": None,
    "task_specific_params": None,
    "tokenizer_class": "BertTokenizerFast",
    "torch_dtype": "float32",
    "transformers_version": "4.8.2",
    "vocab_size": 250_002,
}
TOKENIZER = {
    "added_tokens_decoder": {"0": {"content": "[PAD]", "special": True}},
    "additional_special_tokens": [],
    "auto_map": None,
    "chat_template": "{{ messages }}",
    "clean_up_tokenization_spaces": True,
    "init_inputs": [],
    "mask_token": {"__type": "AddedToken", "content": "<mask>", "lstrip": True},
    "model_max_length": 1000000000000000019884624838656,
    "name_or_path": "../models/bert",
    "sp_model_kwargs": {},
    "special_tokens_map_file": "/home/somebody/.cache/huggingface/transformers/0123.abcd",
    "tokenizer_class": "XLMRobertaTokenizerFast",
    "tokenizer_file": None,
    "unk_token": "</unk>",
    "vocab_file": "vocab.txt",
}


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_config_of_every_family_with_what_real_ones_hold_passes(tmp_path, family):
    (tmp_path / "config.json").write_text(json.dumps(CONFIG | {"model_type": family}))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(TOKENIZER))
    (tmp_path / "special_tokens_map.json").write_text('{"unk_token": {"content": "<unk>"}, "mask_token": "<mask>"}')
    (tmp_path / "added_tokens.json").write_text('{"<new>": 30522}')
    (tmp_path / "model.safetensors.index.json").write_text('{"weight_map": {"w": "model-00001-of-00001.safetensors"}}')
    untrusted.check(tmp_path)


def test_packaged_checkpoint_and_a_finished_run_pass(minilm_folder, tiny):
    untrusted.check(minilm_folder)
    untrusted.check_places(tiny, ["model.safetensors", "onnx/model.onnx"])


@pytest.mark.parametrize("key", sorted(config.REFUSED))
def test_each_refused_key_is_refused_at_any_depth_and_passes_where_it_says_nothing(tmp_path, key):
    path = tmp_path / "config.json"
    config.check(path, {key: None, "a": {key: False}})
    for document in ({key: "x"}, {"a": [{"b": {key: {}}}]}):
        with pytest.raises(ModelError, match=key):
            config.check(path, document)


@pytest.mark.parametrize("name", sorted(tokenizer.CLASSES))
def test_tokenizer_classes_are_real(name):
    import transformers

    assert hasattr(transformers, name) or name == "PythonBackend"
    tokenizer.check_class("here", f"{name}Fast")


def test_links_of_the_hub_s_cache_lead_to_its_store_and_nowhere_else(tmp_path):
    store = tmp_path / "models--some--model"
    folder = store / "snapshots" / "0123"
    shared = tmp_path / "blobs" / "ab"
    for place in (folder, store / "blobs", shared):
        place.mkdir(parents=True)
    (store / "blobs" / "one").write_text('{"model_type": "bert"}')
    (shared / "two").write_text("{}")
    (store / "blobs" / "two").symlink_to("../../blobs/ab/two")
    (folder / "config.json").symlink_to("../../blobs/one")
    (folder / "tokenizer_config.json").symlink_to("../../blobs/two")
    untrusted.check(folder)
    (tmp_path / "other").write_text("{}")
    (folder / "added_tokens.json").symlink_to("../../../other")
    with pytest.raises(ModelError, match="is a link to"):
        untrusted.check(folder)


@pytest.mark.parametrize("target", ["../outside.json", "config.json"])
def test_links_that_lead_out_or_in_a_circle_are_refused(tmp_path, target):
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "outside.json").write_text("{}")
    (folder / "config.json").symlink_to(target)
    with pytest.raises(ModelError, match="is a link to"):
        untrusted.check(folder)


def test_a_link_to_a_folder_elsewhere_is_refused_and_a_real_folder_passes(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    untrusted.check(tmp_path / "run")
    (tmp_path / "run" / "checkpoints").rmdir()
    (tmp_path / "run" / "checkpoints").symlink_to("../elsewhere")
    with pytest.raises(ModelError, match="is a link to"):
        untrusted.check(tmp_path / "run")


def test_a_folder_that_is_itself_a_link_passes(tmp_path, tiny):
    shutil.copytree(tiny, tmp_path / "real")
    (tmp_path / "real" / "model.safetensors").rename(tmp_path / "real" / "weights")
    (tmp_path / "real" / "model.safetensors").symlink_to("weights")
    (tmp_path / "link").symlink_to("real")
    untrusted.check(tmp_path / "link")
