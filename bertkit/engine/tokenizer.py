"""The tokenizer of a checkpoint, in the one form that both bertkit and transformers read."""

from __future__ import annotations

import logging
import shutil
import tempfile
from pathlib import Path

from bertkit.adapters._encoder import Encoder
from bertkit.engine import untrusted
from bertkit.engine.completeness import CONFIG, TOKENIZER_FILES, read_config
from bertkit.errors import BertkitError, MachineError, ModelError
from bertkit.recipe.schema import EncodeSettings

log = logging.getLogger("bertkit")


def load_encoder(folder: Path, settings: EncodeSettings, limit: int) -> Encoder:
    """Return the encoder of a checkpoint; one without a tokenizer.json is converted by transformers.

    Args:
        folder: The checkpoint.
        settings: The recipe's [encode] table.
        limit: Longest input of the model, in tokens.

    Raises:
        BertkitError: The tokenizer cannot be converted.
    """
    if settings.max_length > limit:
        log.warning("encode.max_length = %d is lowered to %d: the model takes no more", settings.max_length, limit)
    untrusted.check(folder)
    pad_id = read_config(folder).get("pad_token_id") or 0
    if (folder / "tokenizer.json").is_file():
        return Encoder.load(folder, settings, limit, pad_id)
    with tempfile.TemporaryDirectory() as converted:
        save_tokenizer(folder, Path(converted))
        return Encoder.load(Path(converted), settings, limit, pad_id)


def save_tokenizer(source: Path, target: Path) -> None:
    """Write the tokenizer of a checkpoint to a folder, so that both bertkit and transformers read it there.

    A tokenizer.json is copied as it is: read and written again by transformers, its ids could change.

    Args:
        source: The checkpoint.
        target: An existing folder.

    Raises:
        MachineError: It is a SentencePiece model, and what reads such a model is not installed.
        ModelError: transformers cannot read it.
    """
    untrusted.check(source)
    if (source / "tokenizer.json").is_file():
        for name in TOKENIZER_FILES:
            if (source / name).is_file():
                shutil.copyfile(source / name, target / name)
        return
    from transformers import AutoTokenizer
    from transformers.utils import is_protobuf_available, is_sentencepiece_available

    if any(source.glob("*.model")) and not (is_protobuf_available() and is_sentencepiece_available()):
        raise MachineError(
            f"{source} has no tokenizer.json but a SentencePiece model, and what reads such models is not installed",
            "pip install sentencepiece protobuf",
        )
    with tempfile.TemporaryDirectory() as alone:
        # transformers looks for files of many more names: none of them shall be there.
        for name in (CONFIG, *TOKENIZER_FILES):
            if (source / name).is_file():
                shutil.copyfile(source / name, Path(alone) / name)
        try:
            tokenizer = AutoTokenizer.from_pretrained(alone, local_files_only=True, trust_remote_code=False)
            tokenizer.save_pretrained(target)
        except BertkitError:
            raise
        except Exception as error:
            # Damaged files make it fail in many ways.
            reason = (str(error) or type(error).__name__).replace(alone, str(source)).splitlines()[0]
            raise ModelError(
                f"{source} has no tokenizer.json, and transformers cannot read its other tokenizer files: {reason}",
                "fetch the checkpoint again, or choose another one: bertkit models",
            ) from error
