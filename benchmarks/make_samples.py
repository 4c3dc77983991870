"""Rebuild the samples of tasks/ from copies of the original data sets, byte for byte.

python benchmarks/make_samples.py ../shared/data
"""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from _choose import Example, choose, write_text
from _qa_samples import qa, qa_unanswerable
from _word_samples import ner, pos

# The UCI files are Windows-1252 text that was once read as Latin-1.
WINDOWS_1252 = {byte: bytes([byte]).decode("cp1252", "ignore") for byte in range(0x80, 0xA0)}


def write(task: str, columns: tuple[str, ...], splits: Mapping[str, list[Example]]) -> None:
    for split, examples in splits.items():
        table = io.StringIO()
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows((*example.texts, example.label) for example in examples)
        write_text(task, f"{split}.csv", table.getvalue(), f"{len(examples)} rows")


def tab_separated(path: Path) -> Iterator[list[str]]:
    """Yield the fields of each line; quotes are plain characters in all of these files."""
    with path.open(encoding="utf-8", newline="") as file:
        for line in file.read().split("\n"):
            if line.strip():
                yield line.rstrip("\r").split("\t")


def comma_separated(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def sentiment(data: Path) -> None:
    names = {"0": "negative", "1": "positive"}
    pool: list[Example] = []
    for source in ("amazon_cells", "imdb"):
        for text, score in list(tab_separated(data / f"uci_sentences/{source}_labelled.txt"))[1:]:
            repaired = text.translate(WINDOWS_1252).strip()
            pool.append(Example((repaired,), names[score], (f"{source} {score}",)))
    groups = {group for example in pool for group in example.groups}
    used: set[str] = set()
    splits = {
        "train": choose(pool, dict.fromkeys(groups, 250), used),
        "validation": choose(pool, dict.fromkeys(groups, 75), used),
    }
    write("sentiment", ("sentence", "label"), splits)


def spam(data: Path) -> None:
    lines = tab_separated(data / "sms_spam/SMSSpamCollection")
    pool = [Example((text.translate(WINDOWS_1252).strip(),), label, (label,)) for label, text in lines]
    used: set[str] = set()
    splits = {
        "train": choose(pool, {"ham": 1750, "spam": 250}, used),
        "validation": choose(pool, {"ham": 350, "spam": 50}, used),
    }
    write("spam", ("sms", "label"), splits)


def intent(data: Path) -> None:
    used: set[str] = set()
    splits: dict[str, list[Example]] = {}
    for split, file, quota in (("train", "train.csv", 20), ("validation", "test.csv", 5)):
        rows = comma_separated(data / "banking77" / file)[1:]
        pool = [Example((" ".join(text.split()),), label, (label,)) for text, label in rows]
        splits[split] = choose(pool, dict.fromkeys((example.label for example in pool), quota), used)
    write("intent", ("text", "label_text"), splits)


def emotions(data: Path) -> None:
    names = (data / "goemotions/labels.txt").read_text(encoding="utf-8").split()
    used: set[str] = set()
    splits: dict[str, list[Example]] = {}
    for split, file, quota in (("train", "train.tsv", 60), ("validation", "dev.tsv", 10)):
        pool: list[Example] = []
        for text, indices, _ in tab_separated(data / "goemotions" / file):
            labels = tuple(names[int(index)] for index in indices.split(","))
            pool.append(Example((text.strip(),), ",".join(labels), labels))
        splits[split] = choose(pool, dict.fromkeys(names, quota), used)
    write("emotions", ("text", "labels"), splits)


def similarity(data: Path) -> None:
    # Only these rows are image captions under CC BY-SA; the other genres have other licences.
    captions = {
        "train": ("stsb-en-train.csv", slice(1000, 2000)),
        "validation": ("stsb-en-dev.csv", slice(250, 500)),
    }
    used: set[str] = set()
    splits: dict[str, list[Example]] = {}
    for split, (file, rows) in captions.items():
        pool: list[Example] = []
        for first, second, score in comma_separated(data / "stsb_en" / file)[rows]:
            pool.append(Example((first.strip(), second.strip()), f"{float(score) / 5:.4g}", ("captions",)))
        splits[split] = choose(pool, {"captions": len(pool)}, used)
    write("similarity", ("sentence1", "sentence2", "score"), splits)


SAMPLES: tuple[Callable[[Path], None], ...] = (
    sentiment,
    spam,
    intent,
    emotions,
    similarity,
    ner,
    pos,
    qa,
    qa_unanswerable,
)


def main() -> None:
    parser = argparse.ArgumentParser(description="Rebuild the samples of tasks/.")
    parser.add_argument("data", type=Path, nargs="?", default=Path("../shared/data"), help="folder of the originals")
    data: Path = parser.parse_args().data
    if not data.is_dir():
        raise SystemExit(f"skipped: there is no folder {data} with the original data sets")
    for sample in SAMPLES:
        sample(data)


if __name__ == "__main__":
    main()
