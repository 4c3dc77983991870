"""The ledger of what the model did not see of the text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from bertkit.adapters._results import Encoded

SHOWN = 5


@dataclass
class Unseen:
    """Counts over rows and tokens; special tokens are left out.

    Args:
        rows: Rows encoded.
        rows_cut: Rows of which at least one token was left out.
        tokens: Tokens of all rows.
        tokens_unseen: Tokens that were left out.
        remarks: What else encoding found out, and how often.
        places: Where that was first.
    """

    rows: int = 0
    rows_cut: int = 0
    tokens: int = 0
    tokens_unseen: int = 0
    remarks: dict[str, int] = field(default_factory=dict)
    places: dict[str, list[str]] = field(default_factory=dict)

    def add(self, encoded: Encoded) -> None:
        """Count some more rows."""
        self.rows += len(encoded.tokens)
        self.rows_cut += int((encoded.seen < encoded.tokens).sum())
        self.tokens += int(encoded.tokens.sum())
        self.tokens_unseen += int((encoded.tokens - encoded.seen).sum())
        for remark, places in encoded.remarks.items():
            self._remark(remark, len(places), places)

    def merge(self, other: Unseen) -> None:
        """Count the rows of another ledger too."""
        for name in ("rows", "rows_cut", "tokens", "tokens_unseen"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for remark, count in other.remarks.items():
            self._remark(remark, count, other.places[remark])

    def remark_sentences(self) -> list[str]:
        """Return one sentence a remark, with the first places."""
        return [
            f"{count} {remark}: {', '.join(self.places[remark])}{' ...' if count > SHOWN else ''}"
            for remark, count in self.remarks.items()
        ]

    def sentence(self, max_length: int) -> str:
        """Return the counts as one sentence for the user.

        Args:
            max_length: Tokens of a window.
        """
        if not self.rows_cut:
            return f"The model saw all {self.tokens:,} tokens of {self.rows:,} rows (max_length {max_length})."
        return (
            f"{self.rows_cut:,} of {self.rows:,} rows ({self.rows_cut / self.rows:.1%}) are longer than max_length "
            f"{max_length}: the model did not see {self.tokens_unseen:,} of {self.tokens:,} tokens "
            f"({self.tokens_unseen / self.tokens:.1%})."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the counts by name."""
        return {name: value for name, value in asdict(self).items() if name != "places"}

    def _remark(self, remark: str, count: int, places: Sequence[str]) -> None:
        self.remarks[remark] = self.remarks.get(remark, 0) + count
        self.places[remark] = [*self.places.get(remark, []), *places][:SHOWN]
