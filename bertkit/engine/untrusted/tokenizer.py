"""What the files that describe the tokenizer of a stranger may say."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bertkit.engine.completeness import TOKENIZER_FILES
from bertkit.engine.untrusted.entries import entries, shortened
from bertkit.errors import ModelError

SETTINGS = ("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")
CLASSES = {
    "AlbertTokenizer",
    "BarthezTokenizer",
    "BertTokenizer",
    "CamembertTokenizer",
    "DebertaTokenizer",
    "DebertaV2Tokenizer",
    "DistilBertTokenizer",
    "ElectraTokenizer",
    "GPT2Tokenizer",
    "HerbertTokenizer",
    "MPNetTokenizer",
    "MobileBertTokenizer",
    "RemBertTokenizer",
    "RobertaTokenizer",
    "XLMRobertaTokenizer",
    "PreTrainedTokenizer",
    "PreTrainedTokenizerFast",
    "PythonBackend",
    "TokenizersBackend",
}
# Written with a path of the machine that the model was made on, and read by nothing.
NEVER_READ = {"full_tokenizer_file", "name_or_path", "special_tokens_map_file"}
HARMLESS = {"_commit_hash", "_name_or_path"}
CODE = {"auto_map", "trust_remote_code"}
PATHS = ("_file", "_files", "_dir", "_path", "_folder")
REMOVE = "remove it in a copy of the folder, or choose another checkpoint: bertkit models"


def check(path: Path, settings: Mapping[str, Any]) -> None:
    """Refuse entries that could make transformers run code or read files elsewhere.

    Args:
        path: One of the files of `SETTINGS`.
        settings: What it says.

    Raises:
        ModelError: The key, its value, and what is allowed.
    """
    if path.name == "added_tokens.json":
        return _check_ids(path, settings)
    for place, key, value in entries(path, settings):
        where = f"{path}, key {place}"
        if key in CODE and value not in (None, False):
            raise ModelError(f"{where}: this tokenizer brings Python code, which bertkit never runs", REMOVE)
        if key == "tokenizer_class":
            check_class(where, value)
        if place.startswith("_") and key not in {*HARMLESS, "__type"}:
            raise ModelError(f"{where}: keys that begin with _ belong to transformers", REMOVE)
        if key == "init_inputs" and value:
            raise ModelError(f"{where}: {shortened(value)} would be passed on as names of files", REMOVE)
        if key == "chat_template" and isinstance(value, dict | list):
            raise ModelError(f"{where}: several templates would be written to files of the names it gives", REMOVE)
        if (key.endswith(PATHS) or key in {"model_file", "vocab"}) and key not in NEVER_READ:
            _check_file(where, value)
    if path.name == "special_tokens_map.json":
        _check_special(path, settings)
    return None


def check_class(where: str, name: Any) -> None:
    """Refuse a tokenizer class that is not one of an encoder: transformers would take any of its classes.

    Args:
        where: File and key, for the message.
        name: As it was written; "Fast" may follow it.

    Raises:
        ModelError: It is another one.
    """
    if name is not None and (not isinstance(name, str) or name not in CLASSES | {f"{known}Fast" for known in CLASSES}):
        raise ModelError(f"{where}: {shortened(name)} is not one of {', '.join(sorted(CLASSES))}", REMOVE)


def _check_file(where: str, value: Any) -> None:
    if value is not None and value not in TOKENIZER_FILES:
        known = ", ".join(TOKENIZER_FILES)
        raise ModelError(f"{where}: {shortened(value)} is not one of the files {known} beside it", REMOVE)


def _check_special(path: Path, settings: Mapping[str, Any]) -> None:
    # transformers takes each of its keys as an argument of the tokenizer, after those that were checked.
    for key in settings:
        if not key.endswith(("_token", "_tokens")):
            raise ModelError(f"{path}, key {shortened(key)}: it is not the name of a special token", REMOVE)


def _check_ids(path: Path, settings: Mapping[str, Any]) -> None:
    for token, number in settings.items():
        if not isinstance(number, int) or isinstance(number, bool) or number < 0:
            raise ModelError(f"{path}, {shortened(token)}: {shortened(number)} is not the id of a token", REMOVE)
