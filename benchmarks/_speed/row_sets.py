"""Texts to answer: short ones, mixed lengths, sentences, questions; the same in every run."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

SEED = 1
# Of mixed rows, so many are passages of so many words; with the short ones their mean is about 88 tokens.
PASSAGES = 0.2
PASSAGE_WORDS = (100, 450)


def short(data: Path, count: int) -> list[str]:
    """Return sentences of the test part of SST-2 in random order."""
    lines = (data / "sst2/test.tsv").read_text(encoding="utf-8").splitlines()
    return random.Random(SEED).sample([line.rpartition("\t")[0] for line in lines], count)


def mixed(data: Path, count: int) -> list[str]:
    """Return short sentences with passages of books between them, in random order."""
    generator = random.Random(SEED)
    words = (data / "books_public_domain/Moby-Dick.md").read_text(encoding="utf-8").split()
    passages = round(count * PASSAGES)
    rows = short(data, count - passages)
    for _ in range(passages):
        size = generator.randint(*PASSAGE_WORDS)
        start = generator.randrange(len(words) - size)
        rows.append(" ".join(words[start : start + size]))
    generator.shuffle(rows)
    return rows


def sentences(data: Path, count: int) -> list[str]:
    """Return sentences of the test part of UD English EWT in random order."""
    text = (data / "ud_english_ewt/en_ewt-ud-test.conllu").read_text(encoding="utf-8")
    return random.Random(SEED).sample(re.findall(r"^# text = (.+)$", text, re.MULTILINE), count)


def questions(data: Path, count: int) -> list[dict[str, str]]:
    """Return questions of SQuAD 2.0 with their contexts in random order."""
    document = json.loads((data / "squad_v2_cs224n/dev-v2.0.json").read_text(encoding="utf-8"))
    rows = [
        {"id": question["id"], "question": question["question"], "context": paragraph["context"]}
        for article in document["data"]
        for paragraph in article["paragraphs"]
        for question in paragraph["qas"]
    ]
    return random.Random(SEED).sample(rows, count)
