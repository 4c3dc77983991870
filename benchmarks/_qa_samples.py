"""Samples of SQuAD 2.0: whole paragraphs with their questions, training and validation from other articles."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from _choose import Example, choose, write_text

VALIDATION_ARTICLES = 4
# Paragraphs of each article.
ANSWERABLE = {"train": 11, "validation": 9}
BOTH_KINDS = {"train": 8, "validation": 6}


def qa(data: Path) -> None:
    _write("qa", _candidates(data, unanswerable=False), ANSWERABLE)


def qa_unanswerable(data: Path) -> None:
    _write("qa-unanswerable", _candidates(data, unanswerable=True), BOTH_KINDS)


def _candidates(data: Path, *, unanswerable: bool) -> list[Example]:
    """Return all paragraphs, each with the title of its article as its group and itself in JSON as its label."""
    document = json.loads((data / "squad_v2_cs224n/dev-v2.0.json").read_text(encoding="utf-8"))
    found = []
    for article in document["data"]:
        for paragraph in article["paragraphs"]:
            questions = [_question(qa, unanswerable) for qa in paragraph["qas"] if unanswerable or qa["answers"]]
            kept = {"context": paragraph["context"], "qas": questions}
            texts = (paragraph["context"], *(question["question"] for question in questions))
            if questions:
                found.append(Example(texts, json.dumps(kept), (article["title"],)))
    return found


def _question(qa: dict[str, Any], unanswerable: bool) -> dict[str, Any]:
    answers = {(answer["text"], answer["answer_start"]): answer for answer in qa["answers"]}
    kept = {"id": qa["id"], "question": qa["question"], "answers": list(answers.values())}
    return kept | ({"is_impossible": qa["is_impossible"]} if unanswerable else {})


def _write(task: str, candidates: list[Example], quotas: dict[str, int]) -> None:
    titles = {title: Example((title,), "", ()) for example in candidates for title in example.groups}
    ranked = sorted((title for title in titles if titles[title].is_fit(())), key=lambda title: titles[title].rank)
    articles = {"train": ranked[:-VALIDATION_ARTICLES], "validation": ranked[-VALIDATION_ARTICLES:]}
    for split, own in articles.items():
        pool = [example for example in candidates if example.groups[0] in own]
        chosen = choose(pool, dict.fromkeys(own, quotas[split]), set())
        paragraphs = {title: [json.loads(each.label) for each in chosen if each.groups == (title,)] for title in own}
        data = [{"title": title, "paragraphs": paragraphs[title]} for title in own]
        text = json.dumps({"version": "v2.0", "data": data}, ensure_ascii=False, separators=(",", ":"))
        questions = sum(len(paragraph["qas"]) for title in own for paragraph in paragraphs[title])
        held = f"{questions} questions on {len(chosen)} paragraphs of {len(own)} articles"
        write_text(task, f"{split}.json", f"{text}\n", held)
