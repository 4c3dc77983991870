"""Options that several verbs share, declared once."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

RunOpt = Annotated[str | None, typer.Option("--run", help="Folder or name of a run.", show_default="the newest")]
TextOpt = Annotated[str | None, typer.Option("--text", help="Column that holds the text.")]
TextPairOpt = Annotated[str | None, typer.Option("--text-pair", help="Column that holds the second text of a pair.")]
LabelOpt = Annotated[str | None, typer.Option("--label", help="Column that holds the label.")]
SetOpt = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Change a value of the recipe; may be repeated."),
]
EncodingOpt = Annotated[
    str | None,
    typer.Option(
        "--encoding", metavar="NAME", help="Of the files, such as cp1252.", show_default="UTF-8, or a byte order mark's"
    ),
]
BackendOpt = Annotated[
    str,
    typer.Option("--backend", metavar="NAME", help="auto (an exact one, by measured speed), torch, onnx or onnx-int8."),
]
OverwriteOpt = Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")]


def columns(text: str | None, text_pair: str | None, label: str | None) -> dict[str, str]:
    """Return the roles that were named on the command line."""
    named = {"text": text, "text_pair": text_pair, "label": label}
    return {role: name for role, name in named.items() if name is not None}


def with_encoding(overrides: list[str] | None, encoding: str | None) -> list[str]:
    """Return the overrides with the one that `--encoding` stands for, which wins.

    Args:
        overrides: Values of `--set`.
        encoding: Value of `--encoding`, or None.
    """
    return [*(overrides or []), *([f"data.encoding={json.dumps(encoding)}"] if encoding is not None else [])]


def changes(overrides: list[str] | None, named: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Return what may be changed after training: the names of columns, and how a file is read.

    Args:
        overrides: Each `columns.ROLE=NAME` or `data.KEY=VALUE`.
        named: Columns by role from other options; they win.

    Returns:
        The arguments `columns` and `settings` of `evaluate` and `predict`.

    Raises:
        UsageError: Another value is to be changed.
    """
    from bertkit.errors import UsageError
    from bertkit.recipe.read import parse_override
    from bertkit.recipe.schema import ReadSettings

    reading = {*ReadSettings.model_fields, "on_empty", "on_missing_label"}
    found: dict[str, dict[str, Any]] = {"columns": {}, "data": {}}
    for text in overrides or []:
        ((section, values),) = parse_override(text).values.items()
        if section not in found or not isinstance(values, dict) or (section == "data" and not values.keys() <= reading):
            raise UsageError(
                f'--set "{text}": the run decides everything but the names of columns and how the file is read',
                f"--set columns.ROLE=NAME, or --set data.KEY=VALUE with one of {', '.join(sorted(reading))}",
            )
        found[section] |= values
    return {"columns": found["columns"] | named, "settings": found["data"]}
