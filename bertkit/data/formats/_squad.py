"""The nested JSON of SQuAD 1.1 and 2.0 (Rajpurkar et al., 2016 and 2018) as one row a question."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bertkit.data._rows import Rejects, Row

COLUMNS = ("id", "title", "question", "context", "answers", "is_impossible")


def squad_rows(name: str, articles: list[Any], rejects: Rejects) -> Iterator[Row]:
    """Reads the questions of a SQuAD document.

    Args:
        name: What messages call the document.
        articles: What stands under "data".
        rejects: Where questions go that lack a field.

    Returns:
        Rows with `COLUMNS`, whose line is the 1-based position of the question in the document. `answers` is
        {"text": [...], "answer_start": [...]}, or None where the document does not say it: the question has no key
        "answers", or no question of the document has an answer and this one has no "is_impossible" either.
    """
    hidden = not any(qa.get("answers") for _, _, _, qa in _questions(name, articles, Rejects(skip=True)))
    for line, (place, article, paragraph, qa) in enumerate(_questions(name, articles, rejects), 1):
        title = article.get("title")
        given = qa.get("answers")
        problem = _problem(paragraph.get("context"), qa)
        if problem:
            called = next((f' ({key} "{of[key]}")' for of, key in ((qa, "id"), (article, "title")) if key in of), "")
            rejects.add(f"{name}: {place}{called}: {problem}")
            continue
        answers = None
        if given is not None and not (hidden and "is_impossible" not in qa):
            answers = {key: [answer[key] for answer in given] for key in ("text", "answer_start")}
        cells = (qa["id"], title, qa["question"], paragraph["context"], answers, qa.get("is_impossible"))
        yield Row(line, dict(zip(COLUMNS, cells, strict=True)))


def _questions(
    name: str, articles: list[Any], rejects: Rejects
) -> Iterator[tuple[str, Mapping[str, Any], Mapping[str, Any], Mapping[str, Any]]]:
    for first, article in enumerate(articles):
        for second, paragraph in enumerate(_items(article, "paragraphs", f"{name}: data[{first}]", rejects)):
            place = f"data[{first}].paragraphs[{second}]"
            for third, qa in enumerate(_items(paragraph, "qas", f"{name}: {place}", rejects)):
                if isinstance(qa, dict):
                    yield f"{place}.qas[{third}]", article, paragraph, qa
                else:
                    rejects.add(f"{name}: {place}.qas[{third}]: an object was expected")


def _items(value: Any, key: str, where: str, rejects: Rejects) -> list[Any]:
    if isinstance(value, dict) and isinstance(value.get(key), list):
        return list(value[key])
    rejects.add(f'{where}: an object with a list "{key}" was expected')
    return []


def _problem(context: Any, qa: Mapping[str, Any]) -> str:
    if not isinstance(context, str):
        return 'the paragraph has no text "context"'
    if not isinstance(qa.get("question"), str):
        return 'there is no text "question"'
    if qa.get("id") is None:
        return 'there is no "id"'
    answers = qa.get("answers")
    if answers is None or (isinstance(answers, list) and all(map(_is_answer, answers))):
        return ""
    return '"answers" must be a list of objects with a text "text" and a whole number "answer_start"'


def _is_answer(answer: Any) -> bool:
    return (
        isinstance(answer, dict) and isinstance(answer.get("text"), str) and isinstance(answer.get("answer_start"), int)
    )
