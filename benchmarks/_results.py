"""Where benchmarks keep what they measured: lines of JSON while they run, then a section of results.md."""

from __future__ import annotations

import json
import os
import platform
import re
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
CACHE = FOLDER / ".cache"
TABLES = FOLDER / "results.md"
LIBRARIES = ("torch", "transformers", "tokenizers", "scikit-learn")
TITLE = "# Results of the benchmarks\n\nEach section is written by its script; run the script to renew it.\n"


def environment() -> str:
    """Return day, machine and versions in one sentence."""
    from bertkit import __version__

    threads = os.environ.get("OMP_NUM_THREADS", str(os.cpu_count()))
    versions = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return (
        f"{date.today().isoformat()}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores, "
        f"{threads} thread{'s' if threads != '1' else ''}, "
        f"Python {platform.python_version()}, bertkit {__version__}, {versions}."
    )


class Log:
    """Finished measurements, one line of JSON each, so that an interrupted benchmark can continue.

    Args:
        path: The file.
        fresh: Whether to forget what it holds.
    """

    def __init__(self, path: Path, fresh: bool) -> None:
        self.path = path
        if not path.parent.exists():
            path.parent.mkdir(parents=True)
            (path.parent / ".gitignore").write_text("*\n", encoding="utf-8")
        if fresh:
            path.unlink(missing_ok=True)
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        self.records: list[dict[str, Any]] = [json.loads(line) for line in lines]

    def matching(self, **key: Any) -> list[dict[str, Any]]:
        """Return the records that have all of these values."""
        return [record for record in self.records if key.items() <= record.items()]

    def add(self, **record: Any) -> None:
        """Append a record with the environment it was measured in."""
        record["environment"] = environment()
        self.records.append(record)
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(record) + "\n")


def table(header: list[str], lines: list[list[str]]) -> str:
    """Return a Markdown table."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [header, ["---"] * len(header), *lines])


def write_section(name: str, body: str) -> None:
    """Replace one script's section of results.md, or add it; the other sections stay.

    Args:
        name: Of the script, without .py.
        body: Markdown.
    """
    section = f"<!-- {name} -->\n{body.strip()}\n<!-- /{name} -->"
    text = TABLES.read_text(encoding="utf-8") if TABLES.exists() else TITLE
    pattern = re.compile(rf"<!-- {name} -->.*<!-- /{name} -->", re.DOTALL)
    text = pattern.sub(lambda _: section, text) if pattern.search(text) else f"{text}\n{section}\n"
    TABLES.write_text(text, encoding="utf-8")
