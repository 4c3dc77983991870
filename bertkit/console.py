"""What the user sees: results on stdout, everything else on stderr; the only file that uses Rich."""

from __future__ import annotations

import json
import logging
import math
import os
import re
import sys
import time
import traceback
import unicodedata
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from bertkit.engine import processes
from bertkit.recipe.secrets import redacted

if TYPE_CHECKING:
    from rich.console import Console as RichConsole

    from bertkit.engine.progress import Progress
    from bertkit.errors import BertkitError

SCHEMA = 1
SECONDS_BETWEEN_LINES = 15.0
WIDE = 160
# Characters that a terminal may obey, which JSON lets through.
UNSAFE = re.compile("[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb]")


class Console:
    """One document of results, or tables, and notes beside them.

    Attributes:
        json: Print one JSON document instead of tables.
        quiet: No notes and no progress.
        verbose: Show what the libraries below say.
        muted: Show errors only.
        warnings: What was warned of so far.
        data: The results for the JSON document.
    """

    def __init__(self) -> None:
        self.json = False
        self.quiet = False
        self.verbose = False
        self.muted = False
        self.warnings: list[str] = []
        self.data: Mapping[str, Any] | None = None
        self._live: RichConsole | None = None

    def configure(self, *, json: bool, quiet: bool, verbose: bool) -> None:
        """Apply the options that every verb has; must come before the libraries are imported."""
        # Of several processes that do one job, one talks; the others say only why they fail.
        self.muted = not processes.is_main()
        self.json, self.quiet, self.verbose = json, quiet or self.muted, verbose
        self.warnings, self.data = [], None
        if not verbose:
            os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
            os.environ.setdefault("DATASETS_VERBOSITY", "error")
            os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
            os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
            warnings.simplefilter("ignore")
        log = logging.getLogger("bertkit")
        log.setLevel(logging.DEBUG if verbose else logging.INFO)
        log.handlers = [_Notes(self)]
        log.propagate = False

    def result(self, data: Mapping[str, Any]) -> None:
        """Keep the results for the one JSON document, which waits for what may still fail."""
        self.data = data

    def finish(self) -> None:
        """Print the JSON document of work that was done, if that is asked for."""
        if self.json and self.data is not None and not self.muted:
            self._document({"ok": True, "data": self.data})
            self.data = None

    def table(self, title: str, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Print a table of results."""
        if self.json or self.muted:
            return
        from rich.box import SIMPLE_HEAD
        from rich.table import Table
        from rich.text import Text

        table = Table(box=SIMPLE_HEAD)
        for position, name in enumerate(header):
            numeric = all(isinstance(row[position], int | float) for row in rows)
            justify: Literal["left", "right"] = "right" if numeric else "left"
            table.add_column(Text(clean(name)), justify=justify, overflow="fold", no_wrap=position == 0)
        for row in rows:
            table.add_row(*(Text(shown(cell)) for cell in row))
        rich = self._rich(stderr=False)
        # Not as the table's own title, which is wrapped to the width of a narrow table.
        rich.print(Text(clean(title), style="bold"))
        rich.print(table)

    def line(self, text: str) -> None:
        """Print a line of results."""
        if not self.json and not self.muted:
            self._rich(stderr=False).print(clean(text, keep="\n\t"), markup=False, highlight=False, soft_wrap=True)

    def note(self, text: str) -> None:
        """Tell a fact that is not a result."""
        if not self.quiet:
            self._aside(text, "dim")

    def warn(self, text: str) -> None:
        """Tell something to look at; it is also in the JSON document."""
        self.warnings.append(text)
        if not self.quiet:
            self._aside(f"Warning: {text}", "yellow")

    def error(self, error: BertkitError) -> None:
        """Tell why the work stopped and what to type next."""
        # A launcher that is not bertkit's would let the same document through several times.
        if self.json and (not self.muted or "BERTKIT_CAPTURED" in os.environ):
            fields = {"code": type(error).__name__, "message": error.message, "hint": error.hint}
            self._document({"ok": False, "error": fields, "data": self.data})
            self.data = None
            return
        self._aside(f"Error: {error.message}", "bold red")
        if error.hint:
            self._aside(f"Try: {error.hint}", "cyan")

    def traceback(self) -> None:
        """Show where the error that is being handled came from."""
        sys.stderr.write(clean(traceback.format_exc(), keep="\n\t"))

    @contextmanager
    def progress(self) -> Iterator[Progress]:
        """Show the progress while the block runs: a bar in a terminal, else a line now and then."""
        if self.quiet:
            yield _nothing
        elif sys.stderr.isatty():
            self._live = self._rich(stderr=True)
            try:
                with _bar(self._live) as progress:
                    yield progress
            finally:
                self._live = None
        else:
            yield _Lines(self)

    def _aside(self, text: str, style: str) -> None:
        line = clean(text, keep="\n\t")
        # A bar that is shown must print the line itself, or the two end up in one another.
        (self._live or self._rich(stderr=True)).print(line, style=style, markup=False, highlight=False, soft_wrap=True)

    def _document(self, document: Mapping[str, Any]) -> None:
        full = {"schema": SCHEMA, **document, "warnings": self.warnings}
        text = redacted(json.dumps(_finite(full), ensure_ascii=False, indent=2))
        sys.stdout.write(UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n")

    def _rich(self, *, stderr: bool) -> RichConsole:
        from rich.console import Console as RichConsole

        stream = sys.stderr if stderr else sys.stdout
        # Where nobody looks at a window, its width must not cut what a script reads.
        return RichConsole(stderr=stderr, width=None if stream.isatty() else WIDE, emoji=False)


def clean(text: str, keep: str = "") -> str:
    """Return text without control and direction characters, with which a cell could rewrite the screen, or tokens."""
    shown = (char if char in keep or unicodedata.category(char)[0] != "C" else "\ufffd" for char in redacted(text))
    return "".join(shown)


def shown(cell: Any) -> str:
    """Return a cell of a table as text; numbers get four decimals."""
    if isinstance(cell, float):
        return f"{cell:.4f}"
    return "" if cell is None else clean(str(cell))


class _Notes(logging.Handler):
    def __init__(self, console: Console) -> None:
        super().__init__()
        self.console = console

    def emit(self, record: logging.LogRecord) -> None:
        tell = self.console.warn if record.levelno >= logging.WARNING else self.console.note
        tell(record.getMessage())


class _Lines:
    """Plain lines for logs: one when a phase starts, then one every few seconds."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.phase = ""
        self.started = self.last = time.monotonic()

    def __call__(self, phase: str, done: int, total: int | None, **facts: float) -> None:
        now = time.monotonic()
        if phase != self.phase:
            self.phase, self.started = phase, now
        elif now - self.last < SECONDS_BETWEEN_LINES and done != total:
            return
        self.last = now
        self.console.note(_state(phase, done, total, now - self.started, facts))


@contextmanager
def _bar(rich: RichConsole) -> Iterator[Progress]:
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=rich, transient=True) as bar:
        task = bar.add_task("")
        began: dict[str, float] = {}

        def progress(phase: str, done: int, total: int | None, **facts: float) -> None:
            seconds = time.monotonic() - began.setdefault(phase, time.monotonic())
            state = clean(_state(phase, done, total, seconds, facts))
            bar.update(task, completed=done, total=total, description=state)

        yield progress


def _state(phase: str, done: int, total: int | None, seconds: float, facts: Mapping[str, float]) -> str:
    of = f"/{total}" if total is not None else " rows"
    rate = f"  {done / seconds:.1f}/s" if seconds > 1 else ""
    left = f"  {(total - done) * seconds / done:.0f} s left" if total and 0 < done < total and seconds > 1 else ""
    return f"{phase} {done}{of}{rate}{left}" + "".join(f"  {name} {value:.4g}" for name, value in facts.items())


def _nothing(phase: str, done: int, total: int | None, **facts: float) -> None:
    """Show nothing."""


def _finite(value: Any) -> Any:
    """Return a value for JSON, which has no NaN."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value


console = Console()
