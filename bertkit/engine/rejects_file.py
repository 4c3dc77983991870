"""The rows that a prediction left out, as a table beside its output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path

from bertkit.data._output import PartFile, writing_errors
from bertkit.data.durable import part_path
from bertkit.data.formats import formats
from bertkit.data.tables import Reject
from bertkit.data.writers import Mark, Writer
from bertkit.errors import UsageError

COLUMNS = [column.name for column in fields(Reject)]


class RejectsFile:
    """A CSV file with the columns line, byte, column and reason; it is there only if there is a reject.

    Args:
        path: Its name. A list of rejects of an earlier prediction is replaced or removed in the end.

    Raises:
        UsageError: There is another file of that name.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writer: Writer | None = None
        if path.exists() and not _is_ours(path):
            raise UsageError(f"{path} is in the way of the list of rejects", "move it, or -o FILE with another name")

    def resume(self, mark: Mark | None) -> bool:
        """Go on where an earlier process stopped, or at the beginning.

        Args:
            mark: Where that was; None: there were no rejects.

        Returns:
            Whether all that was in front of the mark is still there.
        """
        part = part_path(self.path)
        if mark is None:
            return True
        if not part.exists() and self.path.exists():
            # That process was stopped between the renaming of this file and that of the output.
            self.path.replace(part)
        if not part.exists() or part.stat().st_size < mark.size:
            return False
        self._open(mark)
        return True

    def write(self, rejects: Sequence[Reject]) -> None:
        """Add some rejects."""
        if rejects and not self._writer:
            self._open(None)
        if self._writer:
            self._writer.write(map(asdict, rejects))

    def mark(self) -> Mark | None:
        """Wait until all is on the disk, and return where to go on; None: there is no reject yet."""
        return self._writer.mark() if self._writer else None

    def keep(self) -> None:
        """Tell that the last mark was noted."""
        if self._writer:
            self._writer.keep()

    def finish(self) -> None:
        """Give the file its name, and remove an older one if there is no reject."""
        if self._writer:
            self._writer.__exit__(None, None, None)
        else:
            with writing_errors(str(self.path)):
                self.path.unlink(missing_ok=True)
                part_path(self.path).unlink(missing_ok=True)

    def abandon(self, error: BaseException) -> None:
        """Leave what was noted, and remove the rest."""
        if self._writer:
            self._writer.__exit__(type(error), error, error.__traceback__)

    def _open(self, mark: Mark | None) -> None:
        output = PartFile(self.path)
        try:
            with writing_errors(str(self.path)):
                output.start(mark.size if mark else 0)
                sink = formats()["csv"].open_sink(output.stream, "csv", COLUMNS, None, mark.sink if mark else None)
        except BaseException:
            output.leave()
            raise
        self._writer = Writer(str(self.path), output, COLUMNS, sink, "csv", mark=mark)


def _is_ours(path: Path) -> bool:
    if not path.is_file():
        return False
    header = ",".join(COLUMNS).encode() + b"\n"
    with path.open("rb") as stream:
        return stream.read(len(header)) == header
