"""Options that several verbs share, declared once."""

from __future__ import annotations

from typing import Annotated

import typer

RunOpt = Annotated[str | None, typer.Option("--run", help="Folder or name of a run.", show_default="the newest")]
TextOpt = Annotated[str | None, typer.Option("--text", help="Column that holds the text.")]
TextPairOpt = Annotated[str | None, typer.Option("--text-pair", help="Column that holds the second text of a pair.")]
LabelOpt = Annotated[str | None, typer.Option("--label", help="Column that holds the label.")]
SetOpt = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Change a value of the recipe; may be repeated."),
]
OverwriteOpt = Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")]


def columns(text: str | None, text_pair: str | None, label: str | None) -> dict[str, str]:
    """Return the roles that were named on the command line."""
    named = {"text": text, "text_pair": text_pair, "label": label}
    return {role: name for role, name in named.items() if name is not None}


def read_settings(overrides: list[str] | None) -> dict[str, object]:
    """Return the data settings of `--set data.key=value`, the only ones that make sense after training.

    Raises:
        UsageError: Another value is to be changed.
    """
    from bertkit.errors import UsageError
    from bertkit.recipe.read import parse_override

    found: dict[str, object] = {}
    for text in overrides or []:
        values = parse_override(text).values
        if set(values) != {"data"} or not isinstance(values["data"], dict):
            raise UsageError(
                f'--set "{text}": the run decides everything but how the file is read', "--set data.KEY=VALUE"
            )
        found |= values["data"]
    return found
