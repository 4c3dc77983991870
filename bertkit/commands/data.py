"""Rows before any training: check."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bertkit.commands._options import EncodingOpt, LabelOpt, SetOpt, TextOpt, TextPairOpt, columns, with_encoding
from bertkit.console import console

if TYPE_CHECKING:
    from bertkit.engine.data_check import Report
    from bertkit.engine.request import Request

NO_MODEL = "none"
GATES = {"warning": ("warning", "error"), "error": ("error",)}


def check(
    rows: Annotated[str, typer.Argument(metavar="TASK|FILE", help="Task, recipe, table, or folder of tables.")],
    model: Annotated[
        str | None,
        typer.Option("--model", help="Whose tokenizer counts; none: leave out what needs one.", show_default="recipe"),
    ] = None,
    data: Annotated[
        str | None, typer.Option("--data", help="Rows of a task: sample, a file, a folder, or owner/name on the hub.")
    ] = None,
    validation: Annotated[str | None, typer.Option("--validation", help="Validation file.")] = None,
    test: Annotated[str | None, typer.Option("--test", help="Test file.")] = None,
    text: TextOpt = None,
    text_pair: TextPairOpt = None,
    label: LabelOpt = None,
    encoding: EncodingOpt = None,
    set_: SetOpt = None,
    fail_on: Annotated[
        str | None, typer.Option("--fail-on", metavar="LEVEL", help="warning or error: exit 1 if there is one.")
    ] = None,
) -> None:
    """Count what is good and bad about rows: labels, repeats, leaks between splits, length, unknown words, ceiling."""
    from bertkit.engine import data_check
    from bertkit.errors import GateError, UsageError

    if fail_on is not None and fail_on not in GATES:
        raise UsageError(f'--fail-on "{fail_on}" is neither warning nor error', "--fail-on error")
    named = columns(text, text_pair, label)
    overrides = with_encoding(set_, encoding)
    request = _request(rows, None if model == NO_MODEL else model, data, validation, test, named, overrides)
    with console.progress() as progress:
        found = data_check.check(request, tokenizer=model != NO_MODEL, progress=progress)
    _show(rows, found)
    reached = sum(finding.level in GATES.get(fail_on or "", ()) for finding in found.findings)
    if reached:
        raise GateError(f"{rows}: {found.sentence()}, and --fail-on {fail_on} allows none of them", "correct the rows")


def _request(
    rows: str,
    model: str | None,
    data: str | None,
    validation: str | None,
    test: str | None,
    named: dict[str, str],
    overrides: list[str],
) -> Request:
    from bertkit.engine.request import Request
    from bertkit.errors import UsageError
    from bertkit.recipe import catalog

    path = Path(rows).expanduser()
    is_recipe = rows in catalog.names() or path.suffix == ".toml" or (path / catalog.RECIPE_FILE).is_file()
    if is_recipe or not path.exists():
        return Request(rows, model, data, validation, test, named, overrides)
    if data is not None:
        raise UsageError(f"{rows} is a table, and --data names another one", f"bertkit data check {rows}")
    return Request(None, model, rows, validation, test, named, overrides)


def _show(rows: str, found: Report) -> None:
    counts = ", ".join(f"{name} {count:,}" for name, count in found.rows.items())
    lines = [[finding.check, finding.level, finding.count, finding.sentence] for finding in found.findings]
    console.table(f"{rows} (usable rows: {counts})", ["check", "level", "count", "finding"], lines)
    for finding in found.findings:
        if finding.level == "good":
            continue
        console.line(f"{finding.check}: {finding.advice}" if finding.advice else finding.check)
        for place in finding.places:
            console.line(f"    {place}")
    for skipped in found.skipped:
        console.note(f"Not checked: {skipped}")
    console.line(found.sentence())
    console.result({"checked": rows, **found.to_dict()})


group = {
    "check": (
        check,
        (
            "bertkit data check reviews.csv --test test.csv --fail-on error",
            "bertkit data check ner --data sample --model minilm",
        ),
    ),
}
