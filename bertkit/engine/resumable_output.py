"""The output of a prediction with its rejects and its journal, which go together."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bertkit.data.durable import part_path
from bertkit.data.tables import Reject, Table
from bertkit.data.writers import Mark, create_table
from bertkit.engine.journal import Entry, Journal
from bertkit.engine.rejects_file import RejectsFile

log = logging.getLogger("bertkit")
# Notes take at most so much of the time.
SHARE = 0.01


class ResumableOutput:
    """Rows and rejects to their files; what is noted in the journal stays after an error, or a kill.

    Args:
        path: The output; "-" is standard output.
        table: The input.
        added: Names of the columns that answers need.
        journal: None: it cannot be continued.
        rejects: Where rejects go, or None.
        overwrite: Replace an existing output.
        spreadsheet: Write no cell that a spreadsheet program would compute.
        first: Whether no other part of the same output stands before this one.

    Attributes:
        before: What an earlier process has done.

    Raises:
        UsageError: The output cannot be written, or is the unfinished one of another prediction.
    """

    def __init__(
        self,
        path: str,
        table: Table,
        added: Sequence[str],
        journal: Journal | None,
        rejects: Path | None,
        *,
        overwrite: bool,
        spreadsheet: bool,
        first: bool,
    ) -> None:
        self.path = path
        self.before: Entry | None = None
        self._journal = journal
        self._rejects = RejectsFile(rejects) if rejects else None
        self._next = 0.0
        self._kept = 0
        try:
            self._writer = create_table(
                path, table, added, overwrite=overwrite, spreadsheet=spreadsheet, first=first, resume=self._resume
            )
        except BaseException as error:
            if self._rejects:
                self._rejects.abandon(error)
            raise
        self.form = self._writer.form

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._finish()
        else:
            self._abandon(error)

    def write(self, rows: Iterable[Mapping[str, Any]], rejects: Sequence[Reject]) -> None:
        """Write what is answered together.

        Raises:
            MachineError: The disk is full or fails.
        """
        self._writer.write(rows)
        self._writer.cut()
        if self._rejects:
            self._rejects.write(rejects)

    def commit(self, **done: Any) -> None:
        """Note what is done, unless the last note was a moment ago or the format holds rows back.

        Args:
            done: The fields of `Entry` but for the marks.

        Raises:
            MachineError: The disk is full or fails.
        """
        began = time.monotonic()
        if not self._journal or not self._journal.resumable or began < self._next:
            return
        if (mark := self._writer.mark()) is None:
            return
        rejects = self._rejects.mark() if self._rejects else None
        self._journal.write(Entry(mark, rejects, **done))
        self._writer.keep()
        if self._rejects:
            self._rejects.keep()
        self._kept = done["rows"]
        ended = time.monotonic()
        self._next = ended + (ended - began) / SHARE

    def _resume(self, size: int) -> Mark | None:
        if not self._journal:
            return None
        found = self._journal.find(size)
        if found and self._rejects and not self._rejects.resume(found.rejects):
            log.warning("%s is gone: %s is made anew", part_path(self._rejects.path), self.path)
            self._journal.remove()
            return None
        if found:
            self.before, self._kept = found, found.rows
            log.info("%s: continued after %d rows", self.path, found.rows)
        return found.output if found else None

    def _finish(self) -> None:
        try:
            if self._rejects:
                # First: once the output has its name, nobody looks for what is missing beside it.
                self._rejects.finish()
        except BaseException as error:
            self._abandon(error)
            raise
        try:
            self._writer.__exit__(None, None, None)
        except BaseException:
            if self._rejects and not self._kept:
                # Nothing is left that they would belong to.
                self._rejects.path.unlink(missing_ok=True)
            self._tell()
            raise
        if self._journal:
            self._journal.remove()

    def _abandon(self, error: BaseException) -> None:
        if self._rejects:
            self._rejects.abandon(error)
        self._writer.__exit__(type(error), error, error.__traceback__)
        self._tell()

    def _tell(self) -> None:
        if self._kept:
            log.warning(
                "%d rows are kept in %s: with the same input and run, the same command goes on behind them",
                self._kept,
                part_path(Path(self.path)),
            )
