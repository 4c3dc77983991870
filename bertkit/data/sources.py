"""Where the rows of each split come from: files, or a data set of the hub."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from functools import cache, partial
from pathlib import Path
from typing import Any, Protocol, Self

from bertkit.data import hub_card
from bertkit.data._hub_files import HubFiles, stated_reading, text_files
from bertkit.data.hub_token import only_if_asked
from bertkit.data.tables import Rejects, Row, open_table
from bertkit.errors import DataError, MachineError
from bertkit.recipe.schema import DataSettings

SPLITS = ("train", "validation", "test")
FILE_KINDS = (".parquet", ".csv", ".tsv", ".jsonl", ".json")

log = logging.getLogger("bertkit")


class Rows(Protocol):
    """A table of a file or of the hub."""

    name: str
    format: str
    columns: list[str]
    rejects: Rejects

    def __iter__(self) -> Iterator[Row]: ...


def open_split(settings: DataSettings, split: str) -> AbstractContextManager[Any]:
    """Open one split of a recipe.

    Args:
        settings: The recipe's [data] table.
        split: "train", "validation" or "test"; it must be among `available`.

    Raises:
        DataError: There is no such file or data set.
        MachineError: The hub can't be reached and the data set is not cached.
    """
    name = getattr(settings, split)
    if settings.hub is None:
        return open_table(name, settings)
    splits, stated = load_hub(settings.hub, settings.config, settings.revision)
    split = name or split
    if isinstance(found := splits.get(split), list):
        # What the user says comes before the card.
        own = {key: value for key, value in stated.items() if key not in settings.model_fields_set}
        return HubFiles(f"{settings.hub}[{split}]", found, settings.model_copy(update=own))
    return HubTable(settings.hub, splits, split)


def available(settings: DataSettings) -> list[str]:
    """Return the splits that a recipe offers, without reading any rows.

    Raises:
        DataError: There is no training data.
    """
    named = [split for split in SPLITS if getattr(settings, split) is not None]
    if settings.hub is not None:
        found, _ = load_hub(settings.hub, settings.config, settings.revision)
        return [split for split in SPLITS if split in named or (split in found and split != "test")]
    if "train" not in named:
        raise DataError("The recipe names no training rows", "--data FILE, --data FOLDER, or --set data.train=FILE")
    return named


@cache
def load_hub(repository: str, config: str | None, revision: str | None) -> tuple[Any, dict[str, Any]]:
    """Return the splits of a hub data set by name, and what its card says about reading them.

    A split is a table of the datasets library, or a list of files of text.

    Args:
        repository: owner/name.
        config: Its configuration, or None.
        revision: Commit, or None for the newest.

    Raises:
        DataError: There is no such data set.
        MachineError: The hub can't be reached and the data set is not cached.
    """
    import datasets

    datasets.disable_progress_bars()
    folder = _snapshot(repository, config, revision)
    hub_card.check(folder, repository)
    try:
        # The local copy is given, not the name: for a name, datasets asks the hub again at each start.
        builder = datasets.load_dataset_builder(str(folder), **_configuration(folder, config))
        if (files := text_files(builder)) and (stated := stated_reading(builder.config)) is not None:
            return files, stated
        if files:
            log.warning("%s: its card states a reading for which bertkit has no setting: types are guessed", repository)
        return datasets.load_dataset(str(folder), **_configuration(folder, config)), {}
    except (ValueError, TypeError, AttributeError, LookupError, datasets.exceptions.DatasetsError) as error:
        # Of a card of no form the library says whatever it stumbles over.
        raise DataError(f'The hub data set "{repository}" cannot be read: {error}', "--data FILE") from error


def _configuration(folder: Path, config: str | None) -> dict[str, Any]:
    """Return what `load_dataset` needs to read one configuration of a folder that may lack the files of the others.

    By its name alone it would first look for the files of the first configuration on the card.
    """
    if config is None:
        return {}
    from datasets.info import DatasetInfosDict
    from huggingface_hub import DatasetCard

    card = DatasetCard.load(folder / "README.md").data.to_dict() if (folder / "README.md").is_file() else {}
    entries = {entry.get("config_name"): entry for entry in card.get("configs") or []}
    if entries and config not in entries:
        raise ValueError(f'there is no configuration "{config}"; it has: {", ".join(map(str, entries))}')
    info = DatasetInfosDict.from_directory(str(folder)).get(config)
    features = info.features if info else None
    files = entries.get(config, {}).get("data_files")
    place = {"data_dir": config} if files is None else {"data_files": files}
    return ({"name": config} if entries else {}) | place | {"features": features}


def _snapshot(repository: str, config: str | None, revision: str | None) -> Path:
    import httpx2
    from huggingface_hub import HfApi, constants, errors, snapshot_download

    folders = [f"{config}/*", f"*/{config}/*"] if config else ["*"]
    patterns = ["README.md", *(f"{folder}{kind}" for folder in folders for kind in FILE_KINDS)]
    download = partial(snapshot_download, repository, repo_type="dataset", revision=revision, allow_patterns=patterns)

    def fetch(token: bool) -> str:
        # Asked once before the download, which would ask six times and say so each time.
        HfApi(token=token).dataset_info(repository, revision=revision, timeout=constants.HF_HUB_ETAG_TIMEOUT)
        return str(download(token=token))

    try:
        try:
            return Path(download(local_files_only=True))
        except errors.LocalEntryNotFoundError:
            return Path(only_if_asked(fetch))
    except errors.HFValidationError as error:
        raise DataError(f'"{repository}" is no owner/name of a data set on the hub', "--data FILE") from error
    except errors.RepositoryNotFoundError as error:
        raise DataError(f'The hub has no public data set "{repository}"', "--data FILE, or check the name") from error
    except errors.RevisionNotFoundError as error:
        raise DataError(f'{repository} has no revision "{revision}"', "--set data.revision=main") from error
    except (OSError, httpx2.HTTPError, errors.HfHubHTTPError, errors.XetDownloadError) as error:
        raise MachineError(
            f'The data set "{repository}" is not in the cache, and the hub does not deliver it now '
            f"({str(error).splitlines()[0]})",
            "connect once, or use --data sample, or --data FILE with rows of your own",
        ) from error


class HubTable:
    """One split of a hub data set as a table; class ids become the names that the data set gives them.

    Args:
        repository: owner/name, for messages.
        splits: The loaded data set.
        split: One of its splits.
    """

    def __init__(self, repository: str, splits: Any, split: str) -> None:
        if split not in splits:
            raise DataError(f'{repository} has no split "{split}". It has: {", ".join(splits)}')
        self.name = f"{repository}[{split}]"
        self.format = "hub"
        self.rejects = Rejects(self.name)
        self._dataset = splits[split]
        self.columns = list(self._dataset.column_names)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        return None

    def __iter__(self) -> Iterator[Row]:
        names = {column: _names(feature) for column, feature in self._dataset.features.items()}
        for line, values in enumerate(self._dataset, 1):
            yield Row(line, {column: _named(value, names[column]) for column, value in values.items()})


def files_of(folder: Path) -> dict[str, str]:
    """Return the split files of a folder by their usual names.

    Raises:
        DataError: There is no training file.
    """
    usual = {
        "train": ("train", "training"),
        "validation": ("validation", "valid", "dev", "val"),
        "test": ("test",),
    }
    found: dict[str, str] = {}
    for path in sorted(folder.iterdir()):
        for split, names in usual.items():
            if path.is_file() and path.name.split(".")[0].lower() in names:
                found.setdefault(split, str(path))
    if "train" not in found:
        held = ", ".join(sorted(path.name for path in folder.iterdir())[:10])
        raise DataError(f"{folder} has no training file such as train.csv. It holds: {held}")
    return found


def log_rejects(rejects: Rejects, name: str) -> None:
    """Say how many rows were passed over, with the first of them."""
    if rejects.count:
        examples = "\n".join(rejects.examples)
        log.warning("%s: %d bad rows were skipped:\n%s", name, rejects.count, examples)


def _names(feature: Any) -> Iterable[str] | None:
    inner = getattr(feature, "feature", feature)
    return getattr(inner, "names", None)


def _named(value: Any, names: Any) -> Any:
    if names is None or value is None:
        return value
    if isinstance(value, list):
        return [_named(item, names) for item in value]
    # -1 is how the hub marks a hidden label, as in the test sets of GLUE.
    return names[value] if value >= 0 else None
