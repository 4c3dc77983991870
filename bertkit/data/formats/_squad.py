"""The nested JSON of SQuAD 1.1 and 2.0 (Rajpurkar et al., 2016 and 2018) as one row a question."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bertkit.data._rows import Reject, Rejects, Row

COLUMNS = ("id", "title", "question", "context", "answers", "is_impossible")


@dataclass(frozen=True, slots=True)
class _Question:
    """A question with what stands around it, or what is wrong in its place."""

    place: str
    article: Mapping[str, Any]
    paragraph: Mapping[str, Any]
    qa: Mapping[str, Any]
    problem: str = ""


def squad_rows(articles: list[Any], rejects: Rejects) -> Iterator[Row]:
    """Reads the questions of a SQuAD document.

    Args:
        articles: What stands under "data".
        rejects: Where questions go that lack a field.

    Returns:
        Rows with `COLUMNS`, whose line is the 1-based position of the question in the document. `answers` is
        {"text": [...], "answer_start": [...]}, or None where the document does not say it: the question has no key
        "answers", or no question of the document has an answer and this one has no "is_impossible" either.
    """
    hidden = not any(question.qa.get("answers") for question in _questions(articles))
    for line, question in enumerate(_questions(articles), 1):
        qa, article, context = question.qa, question.article, question.paragraph.get("context")
        if problem := question.problem or _problem(context, qa):
            called = next((f' ({key} "{of[key]}")' for of, key in ((qa, "id"), (article, "title")) if key in of), "")
            rejects.add(Reject(line, None, None, problem), place=f"{question.place}{called}")
            continue
        given = qa.get("answers")
        answers = None
        if given is not None and not (hidden and "is_impossible" not in qa):
            answers = {key: [answer[key] for answer in given] for key in ("text", "answer_start")}
        cells = (qa["id"], article.get("title"), qa["question"], context, answers, qa.get("is_impossible"))
        yield Row(line, dict(zip(COLUMNS, cells, strict=True)))


def _questions(articles: list[Any]) -> Iterator[_Question]:
    for first, article in enumerate(articles):
        place = f"data[{first}]"
        if not _has_list(article, "paragraphs"):
            yield _Question(place, {}, {}, {}, 'an object with a list "paragraphs" was expected')
            continue
        for second, paragraph in enumerate(article["paragraphs"]):
            place = f"data[{first}].paragraphs[{second}]"
            if not _has_list(paragraph, "qas"):
                yield _Question(place, {}, {}, {}, 'an object with a list "qas" was expected')
                continue
            for third, qa in enumerate(paragraph["qas"]):
                if isinstance(qa, dict):
                    yield _Question(f"{place}.qas[{third}]", article, paragraph, qa)
                else:
                    yield _Question(f"{place}.qas[{third}]", {}, {}, {}, "an object was expected")


def _has_list(value: Any, key: str) -> bool:
    return isinstance(value, dict) and isinstance(value.get(key), list)


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
