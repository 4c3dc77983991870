"""What the user asked for becomes one checked recipe."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from bertkit import adapters
from bertkit.data import sources
from bertkit.data.formats import extensions
from bertkit.data.tables import open_table
from bertkit.errors import DataError, UsageError
from bertkit.recipe import catalog, read
from bertkit.recipe.read import Layer, Resolved
from bertkit.recipe.schema import ReadSettings

log = logging.getLogger("bertkit")
LOOKED_AT = 500
HUB_NAME = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")


@dataclass(frozen=True)
class Request:
    """The options of `finetune`, before anything was read.

    Args:
        task: A built-in task, a recipe file or folder; None infers columns and task type from the data.
        model: Replaces the recipe's model.
        data: "sample", a file, a folder with train/validation/test files, or a hub data set (owner/name).
        validation: A validation file.
        test: A test file.
        columns: Role to column name.
        overrides: Each `section.key=value`.
        settings: Further values of the recipe as nested tables, such as those of flags.
    """

    task: str | None = None
    model: str | None = None
    data: str | None = None
    validation: str | None = None
    test: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    overrides: Sequence[str] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """A short name for the run's folder."""
        return Path(self.task or self.data or "").name.partition(".")[0] or "run"


def resolve(request: Request) -> Resolved:
    """Merge the recipe, the overrides and the flags.

    Raises:
        BertkitError: A name, a key or a value is wrong; every mistake of the recipe is reported at once.
    """
    stronger = [_with_absolute_files(read.parse_override(text)) for text in request.overrides] + _flags(request)
    base = _recipe_layers(catalog.find(request.task)) if request.task is not None else [_inferred(request, stronger)]
    return read.resolve([*base, *stronger], settings_model)


def settings_model(name: str) -> Any:
    """Return the model of an adapter's settings."""
    return adapters.load(name).settings_model


def _recipe_layers(path: Path) -> list[Layer]:
    layer = read.read_file(path)
    data = layer.values.get("data")
    if not isinstance(data, dict) or data.get("hub"):
        return [layer]
    # Files in a recipe are meant relative to the recipe, wherever bertkit is started.
    named = {split: data[split] for split in sources.SPLITS if isinstance(data.get(split), str)}
    files = {split: _absolute(str(path.parent / file)) for split, file in named.items()}
    return [layer, Layer(layer.origin, {"data": files})]


def _flags(request: Request) -> list[Layer]:
    layers = []
    if request.data is not None:
        layers.append(Layer("--data", {"data": _data(request)}))
    for split in ("validation", "test"):
        if (file := getattr(request, split)) is not None:
            layers.append(Layer(f"--{split}", {"data": {split: _absolute(file)}}))
    if request.model is not None:
        layers.append(Layer("--model", {"model": request.model}))
    for role, name in request.columns.items():
        layers.append(Layer(f"--{role.replace('_', '-')}", {"columns": {role: name}}))
    if request.settings:
        layers.append(Layer("flag", request.settings))
    return layers


def _data(request: Request) -> dict[str, Any]:
    value = str(request.data)
    nothing = dict.fromkeys(("hub", "revision", "config", *sources.SPLITS))
    path = Path(value).expanduser()
    if value == "sample":
        return nothing | _sample(request)
    if path.is_dir():
        return nothing | {split: _absolute(file) for split, file in sources.files_of(path).items()}
    if path.is_file():
        return nothing | {"train": _absolute(value)}
    if HUB_NAME.fullmatch(value) and not path.parent.is_dir() and path.suffix not in extensions():
        return nothing | {"hub": value}
    raise DataError(
        f'--data "{value}": there is no such file or folder',
        "--data FILE.csv, --data FOLDER, --data sample, or --data owner/name for a data set of the hub",
    )


def _absolute(file: str) -> str:
    """Return the path in the form that still holds when a run is evaluated from another folder."""
    return str(Path(file).expanduser().resolve())


def _sample(request: Request) -> dict[str, str]:
    if request.task is None:
        raise UsageError("--data sample needs a task", "bertkit finetune sentiment --data sample")
    files = catalog.sample(catalog.find(request.task))
    if "train" not in files:
        having = [name for name in catalog.names() if catalog.sample(catalog.find(name))]
        raise UsageError(
            f'The task "{request.task}" has no sample: its data set may not be passed on.',
            f"--data FILE with rows of your own, or a task with a sample: {', '.join(having)}",
        )
    return {split: str(path) for split, path in files.items()}


def _inferred(request: Request, stronger: Sequence[Layer]) -> Layer:
    if request.data is None:
        raise UsageError(
            "finetune needs a task, a recipe or a table of rows",
            "bertkit finetune sentiment --data sample, or bertkit finetune --data train.csv",
        )
    train = _data(request).get("train")
    if train is None:
        raise UsageError(f'--data "{request.data}" is not a file: without a recipe, the columns are read from a file')
    with open_table(train, _read_settings(stronger)) as table:
        rows = [row.values for row in islice(table, LOOKED_AT)]
        if not rows:
            raise DataError(f"{table.name} has no usable rows", "the file needs at least a header and rows with text")
        _warn_of_missing_header(table.name, table.columns, rows)
        given = _named_columns(stronger)
        found = [adapters.load(name).infer(table.columns, rows, given) for name in adapters.names()]
        guesses = [(name, guess) for name, guess in zip(adapters.names(), found, strict=True) if guess]
        if not guesses:
            raise DataError(
                f"{table.name}: cannot tell which column is the text and which the label. "
                f"Columns: {', '.join(table.columns)}",
                "--text COLUMN --label COLUMN, or name the task, such as bertkit finetune ner --data FILE",
            )
    name, guess = max(guesses, key=lambda item: item[1].confidence)
    for sentence in guess.because:
        log.info("Inferred: %s", sentence)
    return Layer(
        "inferred", {"adapter": {"name": name, **guess.settings}, "columns": guess.columns, "encode": guess.encode}
    )


def _named_columns(layers: Sequence[Layer]) -> dict[str, str]:
    found: dict[str, str] = {}
    for layer in layers:
        columns = layer.values.get("columns")
        found |= columns if isinstance(columns, Mapping) else {}
    return found


def _with_absolute_files(layer: Layer) -> Layer:
    """Return the layer with its files as absolute paths; what is no file may be a split of a hub data set."""
    data = layer.values.get("data")
    if not isinstance(data, Mapping):
        return layer
    files = {split: data[split] for split in sources.SPLITS if Path(str(data.get(split))).is_file()}
    return Layer(layer.origin, {"data": {**data, **{split: _absolute(file) for split, file in files.items()}}})


def _warn_of_missing_header(name: str, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    repeated = [column for column in columns if column and any(row.get(column) == column for row in rows)]
    if repeated:
        log.warning(
            '%s: the first line names a column "%s", which is also one of its cells. If the first line is a row and no '
            'header: --set \'data.names=["text", "label"]\'',
            name,
            repeated[0],
        )


def _read_settings(layers: Sequence[Layer]) -> ReadSettings:
    # Any adapter will do: only the [data] table counts here.
    stand_in = Layer("", {"adapter": {"name": adapters.names()[0]}})
    data = [Layer(layer.origin, {"data": layer.values["data"]}) for layer in layers if "data" in layer.values]
    return read.resolve([stand_in, *data], settings_model).recipe.data
