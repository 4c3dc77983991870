"""What the config.json of a stranger may say."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bertkit.engine.family import FAMILIES
from bertkit.engine.untrusted.entries import entries, shortened
from bertkit.engine.untrusted.tokenizer import check_class
from bertkit.errors import ModelError

# Their keys and values are names that users chose.
LABELS = {"id2label", "label2id"}
# transformers writes or wrote these and acts on none of them.
HARMLESS = {
    "_attn_implementation_autoset",
    "_commit_hash",
    "_flash_attn_2_enabled",
    "_name_or_path",
    "_num_labels",
}
ATTENTION = {"attn_implementation", "experts_implementation"}
ATTENTIONS = (None, "eager", "sdpa")
CODE = "this model brings Python code, which bertkit never runs"
FETCHED = "it makes transformers fetch and run compiled code"
ELSEWHERE = "it makes transformers read other files than those of the checkpoint"
PACKED = "the weights are packed in a form that needs other libraries"
REFUSED = {
    "auto_map": CODE,
    "trust_remote_code": CODE,
    "custom_pipelines": CODE,
    "kernel_config": FETCHED,
    "kernels": FETCHED,
    "use_kernels": FETCHED,
    "use_kernel_func_from_hub": FETCHED,
    "base_model_name_or_path": ELSEWHERE,
    "configuration_files": ELSEWHERE,
    "gguf_file": ELSEWHERE,
    "peft_config": ELSEWHERE,
    "peft_type": ELSEWHERE,
    "transformers_weights": ELSEWHERE,
    "compression_config": PACKED,
    "quantization_config": PACKED,
    "attribute_map": "it gives the keys of the config other meanings",
    "distributed_config": "it divides the model among machines",
    "fusion_config": "it exchanges parts of the model",
    "per_layer_config": "it exchanges parts of the model",
}
# Far above those of any encoder: more is damage, or meant to fill the memory.
MOST = 10_000_000
SIZES = {
    "dim": MOST,
    "embedding_size": MOST,
    "hidden_dim": MOST,
    "hidden_size": MOST,
    "input_embedding_size": MOST,
    "intermediate_size": MOST,
    "intra_bottleneck_size": MOST,
    "max_position_embeddings": MOST,
    "n_heads": 1_000,
    "n_layers": 1_000,
    "num_attention_heads": 1_000,
    "num_hidden_groups": 1_000,
    "num_hidden_layers": 1_000,
    "num_labels": 1_000_000,
    "pad_token_id": MOST,
    "type_vocab_size": MOST,
    "vocab_size": MOST,
}
CHOOSE = "choose another checkpoint: bertkit models"


def check(path: Path, config: Mapping[str, Any]) -> None:
    """Refuse a config that could make transformers run code, fetch something, or read files elsewhere.

    Args:
        path: Of config.json.
        config: What it says.

    Raises:
        ModelError: The key, its value, and what is allowed.
    """
    for place, key, value in entries(path, config, LABELS):
        where = f"{path}, key {place}"
        if key in REFUSED and value not in (None, False):
            raise ModelError(f"{where}: {shortened(value)}: {REFUSED[key]}", CHOOSE)
        if key.startswith("_") and (key not in HARMLESS or isinstance(value, dict | list)):
            raise ModelError(
                f"{where}: {shortened(value)}: keys that begin with _ belong to transformers; allowed are "
                f"{', '.join(sorted(HARMLESS))}",
                "remove it in a copy of the folder, or choose another checkpoint: bertkit models",
            )
        if key in ATTENTION and value not in ATTENTIONS:
            raise ModelError(
                f"{where}: {shortened(value)} is not one of eager, sdpa: others can be fetched and run",
                "remove it in a copy of the folder; bertkit chooses by itself",
            )
        if key == "model_type" and place != key and value not in sorted(FAMILIES):
            raise ModelError(f"{where}: {shortened(value)} is not one of {', '.join(sorted(FAMILIES))}", CHOOSE)
        if key == "tokenizer_class":
            check_class(where, value)
        if key in SIZES and value is not None and not (type(value) is int and abs(value) <= SIZES[key]):
            raise ModelError(f"{where}: {shortened(value)} is not a whole number up to {SIZES[key]:,}", CHOOSE)
