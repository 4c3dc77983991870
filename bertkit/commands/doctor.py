"""Look at the installation and prove that it works."""

from __future__ import annotations

from bertkit.console import console

EXAMPLES = ("bertkit doctor", "bertkit doctor --json")


def command() -> None:
    """Show versions, device, cache, hub and disk; then train a tiny model on synthetic rows."""
    from bertkit.engine.doctor import facts, prove

    found = facts()
    console.table("This machine", ["what", "value"], found)
    proofs = []
    for step, outcome in prove():
        console.line(f"{step} works: {outcome}")
        proofs.append((step, outcome))
    console.result({"machine": dict(found), "proofs": dict(proofs)})
