"""A recipe, its rows and its checkpoint, ready to train on."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bertkit import adapters
from bertkit.adapters import Adapter
from bertkit.adapters._encoder import Encoder, Window
from bertkit.adapters._results import Encoded
from bertkit.data import sources
from bertkit.data.examples import Examples
from bertkit.data.splits import hold_out
from bertkit.engine import checkpoint, data_check, device, family, flat, load, processes
from bertkit.engine.batches import ShuffledBatches, steps
from bertkit.engine.checkpoint import Checkpoint
from bertkit.engine.collate import Collate
from bertkit.engine.completeness import read_config
from bertkit.engine.forward import accepted_inputs
from bertkit.engine.token_cache import cached
from bertkit.engine.tokenizer import load_encoder
from bertkit.engine.unseen import Unseen
from bertkit.errors import DataError
from bertkit.recipe.read import Resolved
from bertkit.recipe.schema import Recipe

log = logging.getLogger("bertkit")

# Devlin et al. 2019 train 3 epochs; few rows want more steps (Mosbach et al. 2021, Zhang et al. 2021).
EPOCHS = 3
FEWEST_STEPS = 300
MOST_EPOCHS = 10
# Width of the checkpoint to peak learning rate: small ones want larger rates (Turc et al. 2019).
RATES = ((256, 3e-4), (512, 2e-4), (768, 3e-5), (math.inf, 2e-5))


@dataclass(frozen=True)
class Split:
    """Examples and their windows.

    Args:
        examples: In file order.
        encoded: Their windows, with targets.
    """

    examples: Examples
    encoded: Encoded

    @property
    def taught(self) -> list[Window]:
        """The windows that have something to teach."""
        return [window for window in self.encoded.windows if window.target is not None]

    def unseen(self) -> Unseen:
        """Return what the model does not see of these rows."""
        ledger = Unseen()
        ledger.add(self.encoded)
        return ledger


@dataclass(frozen=True)
class Prepared:
    """Everything that training needs.

    Args:
        resolved: The recipe with every "auto" decided, and the origins of its values.
        adapter: With the labels of the training rows.
        checkpoint: The folder of the pretrained model.
        encoder: Tokenizer and limits.
        limit: Longest input of the model, in tokens.
        train: Training rows.
        validation: Rows that select the best epoch.
        held_out: Positions of the validation rows among the training file's usable rows, if they were held out.
    """

    resolved: Resolved
    adapter: Adapter
    checkpoint: Checkpoint
    encoder: Encoder
    limit: int
    train: Split
    validation: Split
    held_out: list[int] | None

    @property
    def recipe(self) -> Recipe:
        """The resolved recipe."""
        return self.resolved.recipe

    def with_seed(self, seed: int) -> Prepared:
        """Return the same rows with another training seed."""
        recipe = self.recipe.model_copy(update={"train": self.recipe.train.model_copy(update={"seed": seed})})
        return replace(self, resolved=Resolved(recipe, self.resolved.origins | {"train.seed": "--seeds"}))

    def recipe_as_asked(self) -> Recipe:
        """Return the recipe with its "auto" values as they were, to be used again on other rows."""
        undecided = {
            key.removeprefix("train."): "auto" for key, origin in self.resolved.origins.items() if origin == "auto"
        }
        return self.recipe.model_copy(update={"train": self.recipe.train.model_copy(update=undecided)})

    @property
    def steps_per_epoch(self) -> int:
        """Optimizer steps of one pass over the training windows."""
        return steps(len(self.train.taught), self.recipe.train.batch_size, processes.count())

    def batches(self) -> ShuffledBatches:
        """Return this process's share of the batches of a training."""
        train, windows = self.recipe.train, self.train.taught
        lengths = [window.input_ids.size for window in windows] if train.group_by_length else None
        place = processes.index(), processes.count()
        return ShuffledBatches(len(windows), train.batch_size, train.seed, *place, lengths)

    def collate(self, network: Any, target: str) -> Collate:
        """Return what makes the batches of a training.

        Args:
            network: The model that will take them.
            target: "cuda", "mps" or "cpu".
        """
        train = self.recipe.train
        most = math.ceil(train.batch_size / train.accumulation)
        inputs = accepted_inputs(network)
        cost, budget = device.part_cost(target), device.token_budget(target)
        # On a GPU the trainer tries both.
        flattened = target == "cpu" and flat.supports(network)
        return Collate(self.adapter, self.encoder.pad_id, inputs, most, cost, budget, flattened)

    def data_info(self) -> dict[str, Any]:
        """Return what a run stores about its rows."""
        splits = {"train": self.train, "validation": self.validation}
        return {
            "held_out": self.held_out,
            **{
                name: {
                    "source": split.examples.source,
                    "rows": len(split.examples.rows),
                    "windows": len(split.encoded.windows),
                    "fingerprint": split.examples.fingerprint(),
                    "dropped": split.examples.dropped,
                    "repaired": split.examples.repaired,
                    "unseen": split.unseen().to_dict(),
                }
                for name, split in splits.items()
            },
        }


def prepare(resolved: Resolved, before: Mapping[str, Any] | None = None) -> Prepared:
    """Read rows, learn labels, find the checkpoint and encode.

    Args:
        resolved: The checked recipe.
        before: What `data_info` said when a run was started that is now to be continued: the same rows are held out.

    Raises:
        BertkitError: Data, labels or checkpoint cannot be used.
    """
    recipe = resolved.recipe
    settings = recipe.adapter.model_dump(exclude={"name"})
    bare = adapters.create(recipe.adapter.name, settings)
    load.check_roles(bare, recipe)
    train, validation, held = _examples(recipe, bare, before["held_out"] if before else None)
    # Held-out rows come from the same file: a rare label may stand in them alone.
    adapter = bare.learn_labels(train.rows if held is None else train.rows + validation.rows)
    adapter.check_labels(validation.rows)
    found = checkpoint.resolve(recipe.model)
    family.check_family(found.folder)
    limit = family.longest_input(found.folder)
    encoder = load_encoder(found.folder, recipe.encode, limit)
    tokens = cached(encoder)
    splits = [Split(rows, adapter.encode(rows.rows, tokens, targets=True)) for rows in (train, validation)]
    for split in splits:
        ledger = split.unseen()
        log.info("%s: %s", split.examples.source, ledger.sentence(encoder.max_length))
        for sentence in ledger.remark_sentences():
            log.warning("%s: %s", split.examples.source, sentence)
    if len(splits[0].taught) < processes.count():
        raise DataError(
            f"{train.source}: {len(splits[0].taught)} training rows that teach something, for {processes.count()} "
            "processes",
            "more rows, or fewer processes",
        )
    decided = _decide(resolved, found.folder, len(splits[0].taught))
    prepared = Prepared(decided, adapter, found, encoder, limit, splits[0], splits[1], held)
    if before is None:
        data_check.tell(prepared)
    return prepared


def _examples(
    recipe: Recipe, adapter: Adapter, held_out: Sequence[int] | None
) -> tuple[Examples, Examples, list[int] | None]:
    splits = sources.available(recipe.data)
    train = load.split(recipe, "train", adapter)
    if "validation" in splits:
        return train, load.split(recipe, "validation", adapter), None
    held = list(held_out or ()) or hold_out(
        [adapter.stratum(row) for row in train.rows],
        recipe.data.validation_fraction,
        recipe.data.seed,
        [adapter.group(row) for row in train.rows],
    )
    log.info(
        "No validation file: %d of %d rows of %s are held out (seed %d) and remembered in the run.",
        len(held), len(train.rows), train.source, recipe.data.seed,
    )  # fmt: skip
    kept = sorted(set(range(len(train.rows))) - set(held))
    rest = train.pick(kept)
    rest.dropped, rest.repaired, rest.first = train.dropped, train.repaired, train.first
    return rest, train.pick(position for position in held if position < len(train.rows)), held


def _decide(resolved: Resolved, folder: Path, windows: int) -> Resolved:
    train = resolved.recipe.train
    decided: dict[str, Any] = {}
    if train.epochs == "auto":
        each = steps(windows, train.batch_size, processes.count())
        decided["epochs"] = float(min(max(EPOCHS, math.ceil(FEWEST_STEPS / each)), MOST_EPOCHS))
    if train.learning_rate == "auto":
        config = read_config(folder)
        width = config.get("hidden_size") or config.get("dim") or 768
        decided["learning_rate"] = next(rate for widest, rate in RATES if width <= widest)
    recipe = resolved.recipe.model_copy(update={"train": train.model_copy(update=decided)})
    origins = resolved.origins | {f"train.{key}": "auto" for key in decided}
    return Resolved(recipe, origins)
