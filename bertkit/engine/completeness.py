"""Whether a folder holds a whole checkpoint: config, tokenizer and undamaged safetensors weights."""

from __future__ import annotations

import json
from fnmatch import fnmatch
from pathlib import Path
from shlex import quote
from typing import Any

from bertkit.errors import ModelError

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
SHARD_INDEX = "model.safetensors.index.json"
NO_WEIGHTS = f"{WEIGHTS} is missing"
# Of a file of settings: even a config with 100,000 labels takes less.
MOST_BYTES = 64 * 2**20
TOKENIZERS: tuple[tuple[str, ...], ...] = (
    ("tokenizer.json",),
    ("vocab.txt",),
    ("vocab.json", "merges.txt"),
    ("spiece.model",),
    ("sentencepiece.bpe.model",),
    ("spm.model",),
)
TOKENIZER_FILES = (
    *dict.fromkeys(name for files in TOKENIZERS for name in files),
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
)


def read_config(folder: Path) -> dict[str, Any]:
    """Return config.json of a checkpoint.

    Raises:
        ModelError: It is missing or damaged.
    """
    if not (folder / CONFIG).is_file():
        raise ModelError(f"{folder}: {CONFIG} is missing", "give the folder that the model was saved in")
    return read_json(folder / CONFIG)


def read_json(path: Path) -> dict[str, Any]:
    """Return a JSON object from a file.

    Raises:
        ModelError: The file holds something else, or more than such a file has.
    """
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise ModelError(f"{path} has {size:,} bytes; at most {MOST_BYTES:,} are read", "fetch the file again")
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelError(f"{path} is not JSON: {error}", "fetch the file again") from error
    except RecursionError as error:
        raise ModelError(f"{path} is nested too deep", "fetch the file again") from error
    if not isinstance(document, dict):
        raise ModelError(f"{path} is not a JSON object", "fetch the file again")
    return document


def file_names(folder: Path) -> set[str]:
    """Return the names of the files in a folder."""
    return {path.name for path in folder.iterdir() if path.is_file()}


def fault_of(folder: Path) -> str:
    """Return what keeps a folder from being a whole checkpoint, in words; "" if nothing does.

    Args:
        folder: One that `untrusted.check` has passed.
    """
    files = file_names(folder)
    if missing := missing_in(files):
        return missing
    shards = set() if WEIGHTS in files else set(read_json(folder / SHARD_INDEX).get("weight_map", {}).values())
    return next((fault for name in sorted(shards or {WEIGHTS}) if (fault := _weights_fault(folder / name))), "")


def missing_in(files: set[str]) -> str:
    """Return which file a checkpoint of these files lacks, in words; "" if none."""
    if CONFIG not in files:
        return f"{CONFIG} is missing"
    if not any(files.issuperset(needed) for needed in TOKENIZERS):
        return "a tokenizer file is missing: " + ", ".join(" with ".join(needed) for needed in TOKENIZERS)
    return "" if files & {WEIGHTS, SHARD_INDEX} else NO_WEIGHTS


def _weights_fault(path: Path) -> str:
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        return f"{path.name} is missing"
    try:
        with safe_open(path, framework="numpy"):
            return ""
    except SafetensorError as error:
        return f"{path.name} is cut off or damaged ({error})"


def unusable(where: str, fault: str, files: set[str]) -> ModelError:
    """Return the error for a checkpoint that is not whole.

    Args:
        where: Folder or repository.
        fault: From `fault_of` or `missing_in`.
        files: What is there.
    """
    if fault == NO_WEIGHTS and any(fnmatch(name, "pytorch_model*.bin") for name in files):
        convert = (
            "from transformers import AutoModel as M, AutoTokenizer as T; "
            f"[kind.from_pretrained({where!r}).save_pretrained('converted') for kind in (M, T)]"
        )
        return ModelError(
            f"{where} has only pickled weights (pytorch_model.bin); bertkit loads safetensors only",
            f"if you trust it, convert it once: python -c {quote(convert)} and then --model ./converted",
        )
    return ModelError(f"{where} is not a usable checkpoint: {fault}", "choose another one: bertkit models")
