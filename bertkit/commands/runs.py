"""Finished and interrupted runs: list, show."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from bertkit.console import console

RunArg = Annotated[str | None, typer.Argument(help="Folder or name of a run.", show_default="the newest")]


def list_() -> None:
    """List the runs, the newest first."""
    from bertkit.engine import run as runs

    rows = []
    for run in runs.listed():
        metric = run.info["training"]["metric"]
        score = run.info["scores"]["validation"][metric]
        rows.append([run.name, run.info["model"]["name"], metric, score, run.info["created"][:16]])
    header = ["run", "model", "metric", "validation", "created"]
    stopped = [str(folder) for folder in runs.unfinished()]
    console.table(f"Runs in {runs.runs_folder()}", header, rows)
    for folder in stopped:
        console.line(f"not finished: bertkit finetune --resume {folder}")
    console.result({"runs": [dict(zip(header, row, strict=True)) for row in rows], "unfinished": stopped})


def show(run: RunArg = None) -> None:
    """Show what a run was made of and how it scored."""
    from bertkit.engine.run import find

    found = find(run)
    info = found.info
    training, data = info["training"], info["data"]
    changed = training.get("changed", [])
    console.table(found.name, ["what", "value"], [
        ["folder", str(found.folder)],
        ["model", f"{info['model']['name']} ({info['model']['parameters'] / 1e6:.1f} M parameters)"],
        ["revision", info["model"]["revision"]],
        ["adapter", info["adapter"]["name"]],
        ["labels", ", ".join(info["adapter"]["labels"])],
        ["training rows", f"{data['train']['rows']} of {data['train']['source']}"],
        ["validation rows", f"{data['validation']['rows']} of {data['validation']['source']}"],
        ["epochs, steps", f"{training['epochs']:.3g}, {training['steps']} (best at {training['best_step']})"],
        ["time", f"{training['seconds']:.0f} s on {training['machine']['name']}, {training['precision']}"],
        ["backends", _backends(info)],
        *([["changed on the way", ", ".join(one["what"] for one in changed)]] if changed else []),
        ["bertkit, created", f"{info['bertkit']}, {info['created'][:19]}"],
    ])  # fmt: skip
    scores = info["scores"]["validation"]
    console.table("Validation scores", ["metric", "value"], [[name, value] for name, value in scores.items()])
    console.result({"folder": str(found.folder), **info})


def _backends(info: dict[str, Any]) -> str:
    """Return what can answer, with the windows a second that were measured when the graph was made."""
    accepted = info.get("backends", {}).get("accepted", {})
    rates = [f"{name} {facts['windows_per_second']:,.0f} windows/s" for name, facts in accepted.items()]
    return ", ".join(rates) or "torch"


group = {
    "list": (list_, ("bertkit runs list", "bertkit runs list --json")),
    "show": (show, ("bertkit runs show", "bertkit runs show sentiment-20260101-120000")),
}
