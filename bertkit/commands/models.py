"""Known checkpoints: sizes, parameters, what is on this machine."""

from __future__ import annotations

from bertkit.console import console

EXAMPLES = ("bertkit models", "bertkit models --json")


def command() -> None:
    """List known checkpoints with layers, hidden size and parameters, and what is cached here."""
    from dataclasses import asdict

    from bertkit.engine.checkpoint import on_this_machine
    from bertkit.recipe.checkpoints import known

    models = [{**asdict(model), "here": on_this_machine(model.name)} for model in known()]
    header = ["name", "repository", "layers", "hidden", "parameters", "here"]
    rows = [
        [*(model[key] for key in header[:4]), f"{model['parameters']:.1f} M", "yes" if model["here"] else ""]
        for model in models
    ]
    console.table("Known checkpoints (any other encoder on the hub: --model owner/name)", header, rows)
    console.result({"models": models})
