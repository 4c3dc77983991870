"""Lists of answers that are made when somebody reads one: most callers want the best answers alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, overload

import numpy as np

from bertkit.adapters._question_answering.contexts import Field
from bertkit.adapters._question_answering.spans import Best, best_spans


class Ranking:
    """The best answers to some rows; all are ranked when the first list is read.

    Args:
        field: What the windows of the rows show.
        longest: Tokens of the longest answer.
        n: Answers of a row to list.
    """

    def __init__(self, field: Field, longest: int, n: int) -> None:
        self.field = field
        self.longest = longest
        self.n = n

    @cached_property
    def best(self) -> Best:
        """The best spans of all rows."""
        return best_spans(self.field.runs, self.field.null, self.longest, self.n)

    def answers(self, row: int) -> list[Mapping[str, Any]]:
        """Return the best answers to a row, each {"text", "start", "end", "score"}, the most probable first."""
        own = slice(*self.best.bounds[row : row + 2].tolist())
        edges = zip(*self.field.edges(self.best.start[own], self.best.end[own]).T.tolist(), strict=True)
        context = self.field.contexts[row]
        return [
            {"text": context[start:end], "start": start, "end": end, "score": score}
            for (start, end), score in zip(edges, self.best.probability[own].tolist(), strict=True)
        ]


class NBest(Sequence[Mapping[str, Any]]):
    """The best answers to one row.

    Args:
        ranking: Of all rows that were decoded together.
        row: Which of them.
    """

    __slots__ = ("ranking", "row")

    def __init__(self, ranking: Ranking, row: int) -> None:
        self.ranking = ranking
        self.row = row

    def __len__(self) -> int:
        return int(np.diff(self.ranking.best.bounds[self.row : self.row + 2])[0])

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        return iter(self.ranking.answers(self.row))

    @overload
    def __getitem__(self, index: int) -> Mapping[str, Any]: ...

    @overload
    def __getitem__(self, index: slice) -> list[Mapping[str, Any]]: ...

    def __getitem__(self, index: int | slice) -> Mapping[str, Any] | list[Mapping[str, Any]]:
        return list(self)[index]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NBest | list) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(list(self))
