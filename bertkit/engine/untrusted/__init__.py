"""Model folders of strangers: what they may hold and say, checked before any library reads them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from bertkit.engine.completeness import CONFIG, SHARD_INDEX, TOKENIZER_FILES, read_json
from bertkit.engine.family import check_family
from bertkit.engine.untrusted import config, links, shards, tokenizer
from bertkit.engine.untrusted.entries import shortened
from bertkit.engine.untrusted.run_info import check as check_run_info
from bertkit.errors import ModelError, RunError

__all__ = ["READ", "check", "check_places", "check_run_info"]
# Files that `check` reads.
READ = (CONFIG, SHARD_INDEX, *tokenizer.SETTINGS)
# The largest vocabularies of encoders take a tenth of it.
MOST_BYTES = 256 * 2**20
ADAPTER = "adapter_config.json"


def check(folder: Path) -> None:
    """Refuse what could make a library run code, fetch something, or read files elsewhere.

    What is missing is no fault here.

    Args:
        folder: A checkpoint or a run.

    Raises:
        ModelError: The file, the key and its value, and what is allowed.
    """
    links.check(folder)
    if (folder / ADAPTER).exists():
        raise ModelError(
            f"{folder / ADAPTER}: these are additions to a model that lies elsewhere",
            "merge them with their model (merge_and_unload of the peft library), save it, and give that folder",
        )
    for name in TOKENIZER_FILES:
        if (folder / name).is_file() and (size := (folder / name).stat().st_size) > MOST_BYTES:
            raise ModelError(f"{folder / name} has {size:,} bytes; at most {MOST_BYTES:,} are read")
    if (folder / CONFIG).is_file():
        config.check(folder / CONFIG, read_json(folder / CONFIG))
        check_family(folder)
    for name in tokenizer.SETTINGS:
        if (folder / name).is_file():
            tokenizer.check(folder / name, read_json(folder / name))
    if (folder / SHARD_INDEX).is_file():
        shards.check(folder / SHARD_INDEX, read_json(folder / SHARD_INDEX))


def check_places(folder: Path, names: Iterable[str]) -> None:
    """Check that the files which a run lists lie in its folder; none is read.

    Args:
        folder: Of the run.
        names: Paths within it.

    Raises:
        BertkitError: A name or a link leads out of it.
    """
    links.check(folder)
    for name in names:
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise RunError(f"{folder} lists the file {shortened(name)}, which is outside of it", "copy the run again")
