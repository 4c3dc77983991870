"""Which encoders bertkit can train, and how long their inputs may be."""

from __future__ import annotations

from pathlib import Path

from bertkit.engine.completeness import CONFIG, read_config
from bertkit.errors import ModelError

FAMILIES = {
    "albert",
    "bert",
    "camembert",
    "data2vec-text",
    "deberta",
    "deberta-v2",
    "distilbert",
    "electra",
    "ernie",
    "megatron-bert",
    "mobilebert",
    "modernbert",
    "mpnet",
    "rembert",
    "roberta",
    "roberta-prelayernorm",
    "xlm-roberta",
    "xlm-roberta-xl",
}
POSITIONS_AFTER_PADDING = {
    "camembert",
    "data2vec-text",
    "mpnet",
    "roberta",
    "roberta-prelayernorm",
    "xlm-roberta",
    "xlm-roberta-xl",
}


def check_family(folder: Path) -> str:
    """Return the model type of a checkpoint, if it is an encoder that bertkit can train.

    Args:
        folder: Holds config.json.

    Raises:
        ModelError: Another architecture, or a decoder.
    """
    config = read_config(folder)
    family = config.get("model_type")
    if not isinstance(family, str) or family not in FAMILIES:
        allowed = ", ".join(sorted(FAMILIES))
        raise ModelError(
            f"{folder / CONFIG}, key model_type: {family!r} is not one of the encoders {allowed}",
            "choose another checkpoint: bertkit models",
        )
    if config.get("is_decoder"):
        raise ModelError(
            f"{folder / CONFIG}, key is_decoder: this {family} is a decoder, each of its tokens sees only those before",
            "choose a checkpoint that was pre-trained as an encoder: bertkit models",
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
    family = config.get("model_type")
    if family not in POSITIONS_AFTER_PADDING:
        return positions
    # MPNet counts from 1 in the code of transformers, whatever its padding is.
    padding = 1 if family == "mpnet" else config.get("pad_token_id", 1)
    if not isinstance(padding, int):
        raise ModelError(
            f"{folder / CONFIG}, key pad_token_id: {padding!r} is not the id of a token, and {family} counts positions "
            "from it",
            "add the id that the model was pre-trained with; most checkpoints have 1",
        )
    return positions - padding - 1
