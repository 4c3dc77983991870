"""What is good and bad about the rows of a training, told before it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bertkit import adapters
from bertkit.adapters import Adapter
from bertkit.adapters._encoder import Encoder
from bertkit.data import sources
from bertkit.data.examples import Example
from bertkit.engine import checkpoint, family, load
from bertkit.engine._data_check import labels, reach, repeats, rows, tokens
from bertkit.engine._data_check.findings import Finding, Level
from bertkit.engine._data_check.texts import gather
from bertkit.engine.progress import Progress, silent
from bertkit.engine.request import Request, resolve
from bertkit.engine.token_cache import cached
from bertkit.engine.tokenizer import load_encoder
from bertkit.errors import DataError
from bertkit.recipe.schema import Recipe

if TYPE_CHECKING:
    from bertkit.engine.prepare import Prepared

log = logging.getLogger("bertkit")
LEVELS: tuple[Level, ...] = ("error", "warning", "good")
TOKENLESS = "length, unknown tokens and ceiling"
LABELLESS = "unknown, odd and single labels, label balance, conflicting labels and ceiling"

Splits = dict[str, Sequence[Example]]


@dataclass(frozen=True)
class Report:
    """All findings about the rows of a recipe.

    Args:
        sources: Split to file or data set.
        rows: Split to number of usable rows.
        findings: The worst first.
        skipped: Checks that were not made, with the reason.
    """

    sources: Mapping[str, str]
    rows: Mapping[str, int]
    findings: list[Finding]
    skipped: list[str] = field(default_factory=list)

    def count(self, level: Level) -> int:
        """Return how many findings are of a level."""
        return sum(finding.level == level for finding in self.findings)

    def sentence(self) -> str:
        """Return the totals."""
        good, warnings, errors = (self.count(level) for level in reversed(LEVELS))
        return f"{good} good, {warnings} warning{'s' * (warnings != 1)}, {errors} error{'s' * (errors != 1)}"

    def to_dict(self) -> dict[str, Any]:
        """Return the report for --json."""
        return {
            "sources": dict(self.sources),
            "rows": dict(self.rows),
            "totals": {level: self.count(level) for level in LEVELS},
            "findings": [asdict(finding) for finding in self.findings],
            "skipped": self.skipped,
        }


def check(request: Request, *, tokenizer: bool = True, progress: Progress = silent) -> Report:
    """Look at the rows that a training would read.

    Args:
        request: The same as that of `finetune`.
        tokenizer: Whether to make the checks that need the checkpoint's tokenizer; nothing is downloaded for them.
        progress: Told what is going on.

    Raises:
        BertkitError: There is no such recipe, file or column, or a file cannot be read at all.
    """
    recipe = _recipe(request)
    bare = adapters.create(recipe.adapter.name, recipe.adapter.model_dump(exclude={"name"}))
    load.check_roles(bare, recipe)
    parts = [rows.read(recipe, bare, name, progress) for name in sources.available(recipe.data)]
    found = rows.findings(parts, recipe.data)
    splits: Splits = {part.name: part.usable.rows for part in parts}
    adapter, more = _learnt(bare, splits)
    found += more + _compared(splits, adapter, bare, progress)
    encoder, skipped = _encoder(recipe) if tokenizer else (None, [f"{TOKENLESS}: --model none"])
    if adapter is None:
        skipped.append(f"{LABELLESS}: no labels can be learnt from train")
    if encoder is not None:
        found += _encoded(splits, adapter, bare, encoder, progress)
    found.sort(key=lambda finding: LEVELS.index(finding.level))
    counts = {part.name: len(part.usable.rows) for part in parts}
    return Report({part.name: part.usable.source for part in parts}, counts, found, skipped)


def tell(prepared: Prepared) -> None:
    """Log what `short` finds: the totals, and what is bad.

    Args:
        prepared: Rows, windows and labels of a training.
    """
    found = short(prepared)
    log.info("Rows: %s (`bertkit data check` looks closer)", found.sentence())
    for finding in found.findings:
        if finding.level != "good":
            log.warning("%s", finding.with_places())


def short(prepared: Prepared) -> Report:
    """Look at rows that are read and encoded already.

    Texts that merely resemble each other are left to `check`: they take time to find.

    Args:
        prepared: Rows, windows and labels of a training.
    """
    adapter = prepared.adapter
    both = {"train": prepared.train, "validation": prepared.validation}
    splits: Splits = {name: split.examples.rows for name, split in both.items()}
    windows = {name: (split.examples.rows, split.encoded) for name, split in both.items()}
    texts = gather(splits, adapter)
    found = [
        *_balance(splits, adapter),
        *repeats.inside({"train": texts["train"]}, None),
        *repeats.between(texts, None),
        *repeats.documents(splits, adapter),
        repeats.conflicts(texts, adapter),
        tokens.unknown(windows, prepared.encoder, adapter, words=False),
    ]
    for name, (examples, encoded) in windows.items():
        found += reach.ceiling(name, examples, encoded, adapter)
    sources = {name: split.examples.source for name, split in both.items()}
    return Report(sources, {name: len(rows) for name, rows in splits.items()}, found)


def _recipe(request: Request) -> Recipe:
    try:
        return resolve(request).recipe
    except DataError:
        # It may be an unreadable row among those that columns are inferred from, which is a finding like others.
        lenient = resolve(replace(request, overrides=[*request.overrides, "data.on_bad_row=skip"])).recipe
        return lenient.model_copy(update={"data": lenient.data.model_copy(update={"on_bad_row": "stop"})})


def _learnt(bare: Adapter, splits: Splits) -> tuple[Adapter | None, list[Finding]]:
    """Return the adapter with the labels of the training rows, and leave out the rows of other labels."""
    try:
        with rows.unsaid():
            if not splits["train"]:
                raise DataError("train has no usable rows")
            adapter = bare.learn_labels(splits["train"])
    except DataError as error:
        return None, [Finding("labels", "error", 1, error.message, advice=error.hint)]
    others = {name: examples for name, examples in splits.items() if name != "train"}
    found, unknown = labels.unknown(others, adapter)
    for name, positions in unknown.items():
        splits[name] = [row for position, row in enumerate(others[name]) if position not in positions]
    return adapter, [*found, labels.odd(splits, adapter), *_balance(splits, adapter)] if adapter.has_classes else found


def _balance(splits: Splits, adapter: Adapter) -> list[Finding]:
    if not adapter.has_classes:
        return []
    return [labels.single(splits["train"], adapter), labels.balance(splits["train"], adapter)]


def _compared(splits: Splits, adapter: Adapter | None, bare: Adapter, progress: Progress) -> list[Finding]:
    texts = gather(splits, bare)
    near = repeats.alike(texts, progress)
    return [
        *repeats.inside(texts, near),
        *repeats.between(texts, near),
        *repeats.documents(splits, bare),
        *([repeats.conflicts(texts, adapter)] if adapter is not None else []),
    ]


def _encoder(recipe: Recipe) -> tuple[Encoder | None, list[str]]:
    name = recipe.model
    if not (Path(name).expanduser().is_dir() or checkpoint.on_this_machine(name.partition("@")[0])):
        hint = "--model minilm or another one that is here would tell"
        return None, [f"{TOKENLESS}: the checkpoint {name} is not on this machine; {hint}"]
    found = checkpoint.resolve(name)
    family.check_family(found.folder)
    return load_encoder(found.folder, recipe.encode, family.longest_input(found.folder)), []


def _encoded(
    splits: Splits, adapter: Adapter | None, bare: Adapter, encoder: Encoder, progress: Progress
) -> list[Finding]:
    reader = cached(encoder)
    windows = {}
    for position, (name, examples) in enumerate(splits.items()):
        progress("tokenise", position, len(splits))
        windows[name] = (examples, (adapter or bare).encode(examples, reader, targets=adapter is not None))
    found = [tokens.lengths(windows, encoder, bare), tokens.unknown(windows, encoder, bare)]
    found += reach.remarks({name: encoded for name, (_, encoded) in windows.items()})
    if adapter is not None:
        for name, (examples, encoded) in windows.items():
            found += reach.ceiling(name, examples, encoded, adapter)
    return found
