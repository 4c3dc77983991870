"""Which encoders bertkit can train, and how long their inputs may be."""

from __future__ import annotations

from pathlib import Path

from bertkit.engine.completeness import CONFIG, read_config
from bertkit.errors import ModelError

FAMILIES = {
    "albert",
    "bert",
    "camembert",
    "deberta",
    "deberta-v2",
    "distilbert",
    "electra",
    "mobilebert",
    "modernbert",
    "mpnet",
    "roberta",
    "xlm-roberta",
}
POSITIONS_AFTER_PADDING = {"camembert", "mpnet", "roberta", "xlm-roberta"}


def check_family(folder: Path) -> str:
    """Return the model type of a checkpoint, if it is an encoder that bertkit can train.

    Args:
        folder: Holds config.json.

    Raises:
        ModelError: Another architecture, or one that brings its own Python code.
    """
    config = read_config(folder)
    if "auto_map" in config:
        raise ModelError(
            f"{folder / CONFIG}, key auto_map: this model brings Python code, which bertkit never runs",
            "choose a checkpoint whose code is part of transformers: bertkit models",
        )
    family = config.get("model_type")
    if family not in FAMILIES:
        allowed = ", ".join(sorted(FAMILIES))
        raise ModelError(
            f"{folder / CONFIG}, key model_type: {family!r} is not one of the encoders {allowed}",
            "choose another checkpoint: bertkit models",
        )
    return str(family)


def longest_input(folder: Path) -> int:
    """Return the longest input in tokens, special tokens included, by the position embeddings.

    The tokenizer's model_max_length is left aside: it may be a habit of a former task or no number at all.

    Args:
        folder: Holds config.json.

    Raises:
        ModelError: config.json does not say.
    """
    config = read_config(folder)
    positions = config.get("max_position_embeddings")
    if not isinstance(positions, int) or positions < 1:
        raise ModelError(
            f"{folder / CONFIG}, key max_position_embeddings: {positions!r} is not a number of tokens",
            "add the number of positions that the model was pre-trained with",
        )
    if config.get("model_type") in POSITIONS_AFTER_PADDING:
        return positions - int(config.get("pad_token_id", 1)) - 1
    return positions
