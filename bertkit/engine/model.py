"""Weights in and out of torch models, always float32, always safetensors, never a stranger's code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bertkit.adapters import Adapter
from bertkit.engine import untrusted
from bertkit.errors import BertkitError, ModelError, RecipeError, RunError


def for_training(folder: Path, adapter: Adapter, seed: int, *, checkpointing: bool = False) -> Any:
    """Return a pretrained encoder with a new head.

    Args:
        folder: The checkpoint.
        adapter: Gives the model class, the labels and the problem type.
        seed: Of the head's random weights.
        checkpointing: Whether the training will compute activations again instead of keeping them.

    Raises:
        ModelError: The checkpoint is not of this architecture.
        RecipeError: The architecture cannot do without kept activations.
    """
    import transformers

    transformers.set_seed(seed)
    with _readable(folder):
        model, info = _load(folder, adapter, **adapter.config())
    absent = [*info["missing_keys"], *(key for key, *_ in info["mismatched_keys"])]
    body = [key for key in absent if key.startswith(f"{model.base_model_prefix}.") and "pooler" not in key]
    if body:
        raise ModelError(
            f"{folder}: the weights lack {len(body)} parts of the encoder that config.json describes, such as "
            f"{min(body)}",
            "choose another checkpoint: bertkit models",
        )
    if checkpointing and not model.supports_gradient_checkpointing:
        raise RecipeError(
            f"train.gradient_checkpointing: {model.config.model_type} does not support it",
            "--set train.gradient_checkpointing=false; a larger train.accumulation saves memory too",
        )
    _blank_padding(model)
    # The heads take any keyword but ignore num_items_in_batch: the Trainer must not pass it on to them, nor think
    # that they have divided by it (transformers issue 47688).
    model.accepts_loss_kwargs = False
    return model


def for_prediction(folder: Path, adapter: Adapter) -> Any:
    """Return the model of a run, ready to predict.

    Raises:
        RunError: There are no weights, or they do not fill the model: it was not trained for this task.
    """
    if not any(folder.glob("*.safetensors")):
        raise RunError(f"{folder} has no weights: model.safetensors is gone", "copy the run again, or train it anew")
    with _readable(folder):
        model, info = _load(folder, adapter)
    absent = sorted(info["missing_keys"]) + sorted(str(key) for key in info["mismatched_keys"])
    if absent:
        raise RunError(f"{folder}: the weights lack {', '.join(absent[:3])}: this is not a finished run")
    return model.eval()


def save(network: Any, folder: Path, state_dict: dict[str, Any] | None = None) -> None:
    """Write config.json and model.safetensors.

    Args:
        network: The model.
        folder: Made if it does not exist.
        state_dict: Weights to write in place of the model's own.
    """
    with _quietly():
        network.save_pretrained(folder, state_dict=state_dict)


def _blank_padding(network: Any) -> None:
    """Embed padding as zeros, which is what MobileBERT finds beyond the end of a text that is not padded.

    It reads each token together with its neighbours before any mask: with the vector that a checkpoint may hold for
    padding, the last token of a text, and so its answer, would depend on the longest text of its batch.
    """
    embedding = network.get_input_embeddings()
    if embedding.padding_idx is not None:
        embedding.weight.data[embedding.padding_idx] = 0.0


@contextmanager
def _readable(folder: Path) -> Iterator[None]:
    """Check a checkpoint before transformers reads it, and turn what that says of it into an error of bertkit."""
    untrusted.check(folder)
    try:
        yield
    except (BertkitError, MemoryError):
        raise
    except Exception as error:
        # Its config has hundreds of entries, and each of them fails in its own way where it is wrong.
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ModelError(
            f"{folder}: transformers cannot make the model that config.json describes: {reason}",
            "fetch the checkpoint again, or choose another one: bertkit models",
        ) from error


def _load(folder: Path, adapter: Adapter, **entries: Any) -> tuple[Any, dict[str, Any]]:
    import torch
    import transformers

    config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False, **entries)
    with _quietly():
        loaded: tuple[Any, dict[str, Any]] = getattr(transformers, adapter.model_class).from_pretrained(
            folder,
            config=config,
            dtype=torch.float32,
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
    return loaded


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep the bars and reports of transformers away, unless somebody asked for its notes."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    if level > logging.INFO:
        logging.set_verbosity_error()
        logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
