"""Guesses about a table without a recipe: whether it holds questions and texts that answer them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bertkit.adapters import _guess
from bertkit.adapters._faults import Fault
from bertkit.adapters._question_answering import answer_cells
from bertkit.adapters._results import Inferred

QUESTION = ("question", "query")
CONTEXT = ("context", "passage", "document", "text")
ANSWERS = ("answers", "answer")
START = ("answer_start", "start")
ROLES = {"question", "context", "answers", "answer_start", "id", "title"}
# The settings of Devlin et al. 2019 for SQuAD.
ENCODE = {"truncate": "windows", "max_length": 384, "stride": 128}


def infer(columns: Sequence[str], rows: Sequence[Mapping[str, Any]], given: Mapping[str, str]) -> Inferred | None:
    """Guess columns and settings; see `Adapter.infer`."""
    usual = {"question": QUESTION, "context": CONTEXT, "answers": ANSWERS}
    free = [column for column in columns if column not in given.values()]
    named = {role: given.get(role) or _guess.by_name(free, names) for role, names in usual.items()}
    roles = {role: name for role, name in named.items() if name is not None}
    if not given.keys() <= ROLES or len(roles) < len(usual):
        return None
    start = given.get("answer_start") or _guess.by_name(free, START)
    cells = [(row.get(roles["context"]), row.get(roles["answers"]), row.get(start or "")) for row in rows]
    held = [_holds(context, answers, starts) for context, answers, starts in cells if answers is not None]
    without = held.count(None)
    if 2 * held.count(True) <= len(held) - without:
        return None
    because = [
        f'columns "{roles["question"]}" and "{roles["context"]}" are a question and the text with its answer',
        f'the answers of column "{roles["answers"]}" are pieces of that text',
    ]
    if without:
        because.append(f"{without} of {len(held)} rows have no answer: the model learns when there is none")
    settings = {"unanswerable": True} if without else {}
    return Inferred({**given, **roles}, settings, because, confidence=0.95, encode=ENCODE)


def _holds(context: Any, cell: Any, starts: Any) -> bool | None:
    """Tell whether the answers of a cell stand in its context; None: it says that there are none."""
    text = context if isinstance(context, str) else ""
    try:
        answers = [answer.strip() for answer, _ in answer_cells.read(cell, starts, text)]
    except Fault:
        return False
    return all(answer in text for answer in answers) if any(answers) else None
