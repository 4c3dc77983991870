"""Samples with a tag for every word: names of WikiGold, parts of speech of the English Web Treebank."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from _choose import Example, choose, write_text

GENRES = ("answers", "email", "newsgroup", "reviews")
# Web text names private people: what holds an address or a telephone number of theirs is left out.
PRIVATE = re.compile(r"@|\d{3}\W{1,3}\d{4}")
WORD = re.compile(r"\d+\t")


def ner(data: Path) -> None:
    parts = (data / "wikigold/wikigold.conll.txt").read_text(encoding="utf-8").split("-DOCSTART- O\n")
    documents = [part for part in parts if part.strip()]
    # Whole documents go to one split, since a document repeats its names.
    ranked = iter(sorted(documents, key=lambda document: Example((document,), "", ()).rank))
    used: set[str] = set()
    for split, fewest in (("train", 1000), ("validation", 250)):
        chosen: list[Example] = []
        taken = 0
        while len(chosen) < fewest:
            taken += 1
            for example in _tagged_sentences(next(ranked)):
                if example.is_fit(used):
                    used.add(example.key)
                    chosen.append(example)
        text = "".join(example.label for example in chosen)
        write_text("ner", f"{split}.conll", text, f"{len(chosen)} sentences of {taken} documents")


def pos(data: Path) -> None:
    used: set[str] = set()
    for split, file, quota in (("train", "train.every3rd-doc", 130), ("validation", "dev", 34)):
        trees = (data / f"ud_english_ewt/en_ewt-ud-{file}.conllu").read_text(encoding="utf-8").split("\n\n")
        pool = [_parts_of_speech(tree) for tree in trees if tree.strip()]
        public = [example for example in pool if example.groups[0] in GENRES and not PRIVATE.search(example.texts[0])]
        chosen = choose(public, dict.fromkeys(GENRES, quota), used)
        write_text("pos", f"{split}.conllu", "".join(example.label for example in chosen), f"{len(chosen)} sentences")


def _tagged_sentences(document: str) -> Iterator[Example]:
    for sentence in document.split("\n\n"):
        if sentence.strip():
            words, tags = zip(*(line.split(" ") for line in sentence.strip().split("\n")), strict=True)
            lines = "".join(f"{word} {tag}\n" for word, tag in zip(words, _iob2(tags), strict=True))
            yield Example((" ".join(words),), f"{lines}\n", ())


def _iob2(tags: tuple[str, ...]) -> Iterator[str]:
    before = "O"
    for tag in tags:
        yield tag if tag in ("O", before) else f"B-{tag[2:]}"
        before = tag


def _parts_of_speech(tree: str) -> Example:
    comments = dict(line[2:].split(" = ", 1) for line in tree.strip().split("\n") if re.match("# .+ = ", line))
    words = [line.split("\t") for line in tree.split("\n") if WORD.match(line)]
    empty = "\t_" * 6
    lines = "".join(f"{number}\t{form}\t_\t{upos}{empty}\n" for number, form, _, upos, *_ in words)
    name = comments["sent_id"]
    return Example((comments["text"],), f"# sent_id = {name}\n{lines}\n", (name.partition("-")[0],))
