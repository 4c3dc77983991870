"""Model folders and runs of strangers: nothing of them is run, nothing outside is opened, nobody is called."""

import json
import os
import pickle
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from bertkit.engine import sealed
from tests.command_line import environment, write_reviews

pytest_plugins = ("tests.fixtures",)

ROOT = Path(__file__).parents[2]
EVIL = "import pathlib; pathlib.Path({canary!r}).touch()\n"


class Payload:
    """Pickled, it runs a command when it is read."""

    def __init__(self, canary):
        self.canary = canary

    def __reduce__(self):
        return os.system, (f"touch {self.canary}",)


def change(name, **entries):
    """Change entries of a JSON file of a folder."""

    def apply(folder, outside):
        path = folder / name
        document = json.loads(path.read_text()) if path.is_file() else {}
        text = json.dumps(document | entries).replace("OUTSIDE", str(outside))
        path.write_text(text)

    return apply


def config(**entries):
    return change("config.json", **entries)


def tokenizer(**entries):
    return change("tokenizer_config.json", **entries)


def written(name, content):
    """Replace a file of a folder."""

    def apply(folder, outside):
        data = content if isinstance(content, bytes) else content.encode()
        (folder / name).write_bytes(data.replace(b"OUTSIDE", str(outside).encode()))

    return apply


def linked(name, target):
    """Replace a file of a folder by a link to one outside."""

    def apply(folder, outside):
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(outside / target)

    return apply


def huge(name):
    def apply(folder, outside):
        os.truncate(folder / name, 2**29)

    return apply


def safetensors(header, data=b"", size=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return written("model.safetensors", struct.pack("<Q", len(text) if size is None else size) + text + data)


def pickled(folder, outside):
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Payload(outside.parent / "canary")))


def shards(weight_map):
    def apply(folder, outside):
        (folder / "model.safetensors").unlink()
        text = json.dumps({"weight_map": weight_map}).replace("OUTSIDE", str(outside))
        (folder / "model.safetensors.index.json").write_text(text)

    return apply


def vocabulary_only(then):
    """Leave no tokenizer.json, so that transformers reads the others."""

    def apply(folder, outside):
        (folder / "tokenizer.json").unlink()
        (folder / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a"]))
        then(folder, outside)

    return apply


def together(*changes):
    def apply(folder, outside):
        for each in changes:
            each(folder, outside)

    return apply


def external_weights(location):
    """Let a graph say that its weights lie elsewhere."""

    def apply(folder, outside):
        import onnx

        path = folder / "onnx" / "model.onnx"
        model = onnx.load(path, load_external_data=False)
        for tensor in model.graph.initializer:
            for entry in tensor.external_data:
                if entry.key == "location":
                    entry.value = location.replace("OUTSIDE", str(outside))
        path.write_bytes(model.SerializeToString())
        unsealed(folder)

    return apply


def unsealed(folder, **entries):
    """Write run.json anew, with entries changed and without the hashes of files, as a stranger could."""
    info = sealed.read(folder / "run.json")
    sealed.write(folder / "run.json", info | {"files": {}} | entries)
    graphs = sealed.read(folder / "onnx" / "backends.json")
    sealed.write(folder / "onnx" / "backends.json", graphs | {"files": {}})


def run_info(**entries):
    return lambda folder, outside: unsealed(folder, **json.loads(json.dumps(entries).replace("OUTSIDE", str(outside))))


CODE = {"AutoConfig": "evil.Model", "AutoModel": "evil.Model", "AutoTokenizer": ["evil.Model", None]}
ENTRY = {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}
# Name, what makes it, and what the error says.
MODELS = {
    "code in config": (config(auto_map=CODE), "key auto_map"),
    "code of another repository": (config(auto_map={"AutoModel": "evil/repository--evil.Model"}), "key auto_map"),
    "code in a nested config": (config(text_config={"auto_map": CODE}), "key text_config.auto_map"),
    "code in a list": (config(parts=[{"trust_remote_code": True}]), "key parts[0].trust_remote_code"),
    "attention of a kernel": (config(attn_implementation="evil/kernel"), "is not one of eager, sdpa"),
    "attention under the hood": (config(_attn_implementation_internal="evil/kernel"), "keys that begin with _"),
    "experts under the hood": (config(_experts_implementation_internal="evil/kernel"), "keys that begin with _"),
    "nested attention": (config(text_config={"_attn_implementation": "evil/kernel"}), "text_config._attn_impl"),
    "unknown underscore key": (config(_auto_class="AutoModel"), "key _auto_class"),
    "dunder key": (config(__class__="evil"), "key __class__"),
    "harmless key with a table": (config(_num_labels={"a": 1}), "key _num_labels"),
    "kernels": (config(use_kernels=True), "fetch and run compiled code"),
    "quantized": (config(quantization_config={"quant_method": "evil"}), "key quantization_config"),
    "weights elsewhere": (config(transformers_weights="../outside/secret.safetensors"), "key transformers_weights"),
    "another config": (
        together(
            config(configuration_files=["config.1.0.0.json"]),
            change("config.1.0.0.json", model_type="bert", auto_map={"AutoConfig": "evil.Model"}),
        ),
        "key configuration_files",
    ),
    "keys that mean others": (config(attribute_map={"hidden_size": "vocab_size"}), "key attribute_map"),
    "decoder in a nested config": (config(text_config={"model_type": "gpt2"}), "text_config.model_type: 'gpt2'"),
    "family in a list": (config(model_type=["bert"]), "key model_type"),
    "other family": (config(model_type="gpt2"), "'gpt2' is not one of"),
    "endless vocabulary": (config(vocab_size=10**15), "is not a whole number up to"),
    "width as text": (config(hidden_size="32"), "key hidden_size: '32'"),
    "method as a key": (config(to_dict="evil"), "config.json"),
    "activation that is none": (config(hidden_act="os.system"), "config.json"),
    "escape sequences": (config(**{"_\u001b[2J\u202e\nError: all is well": 1}), "keys that begin with _"),
    "huge config": (huge("config.json"), "at most"),
    "bottomless config": (written("config.json", "[" * 100_000), "config.json"),
    "deep config": (written("config.json", '{"model_type": "bert", "a": ' + '{"a": ' * 90 + "1" + "}" * 91), "deep"),
    "config that is a list": (written("config.json", "[]"), "is not a JSON object"),
    "config with a huge number": (written("config.json", '{"vocab_size": ' + "9" * 9999 + "}"), "is not JSON"),
    "config that is a link": (linked("config.json", "secret.json"), "is a link to"),
    "additions to another model": (
        written("adapter_config.json", '{"base_model_name_or_path": "OUTSIDE"}'),
        "additions to a model that lies elsewhere",
    ),
    "code in tokenizer": (tokenizer(auto_map=CODE), "tokenizer brings Python code"),
    "model as tokenizer": (vocabulary_only(tokenizer(tokenizer_class="BertModel")), "'BertModel' is not one of"),
    "any tokenizer": (vocabulary_only(tokenizer(tokenizer_class="AutoTokenizer")), "'AutoTokenizer' is not one of"),
    "tokenizer named in config": (config(tokenizer_class="BertModel"), "'BertModel' is not one of"),
    "vocabulary elsewhere": (vocabulary_only(tokenizer(vocab_file="OUTSIDE/secret.json")), "key vocab_file"),
    "tokenizer file elsewhere": (tokenizer(tokenizer_file="../outside/secret.json"), "key tokenizer_file"),
    "versions of the tokenizer": (tokenizer(fast_tokenizer_files=["../tokenizer.1.0.json"]), "fast_tokenizer_files"),
    "arguments of the tokenizer": (vocabulary_only(tokenizer(init_inputs=["OUTSIDE/secret.json"])), "init_inputs"),
    "sentencepiece elsewhere": (tokenizer(sp_model_kwargs={"model_file": "OUTSIDE/secret.json"}), "model_file"),
    "templates with names": (
        tokenizer(chat_template=[{"name": "../../evil", "template": "x"}]),
        "several templates",
    ),
    "vocabulary among the special tokens": (
        vocabulary_only(written("special_tokens_map.json", '{"vocab_file": "OUTSIDE/secret.json"}')),
        "key vocab_file",
    ),
    "arguments among the special tokens": (
        written("special_tokens_map.json", '{"unk_token": "[UNK]", "vocab": "x"}'),
        "special_tokens_map.json",
    ),
    "added token without an id": (written("added_tokens.json", '{"x": "y"}'), "is not the id of a token"),
    "tokenizer that is a link": (linked("tokenizer.json", "secret.json"), "is a link to"),
    "tokenizer of no form": (written("tokenizer.json", "{}"), "is not a tokenizer"),
    "tokenizer of other types": (written("tokenizer.json", '{"version": [], "model": 7}'), "is not a tokenizer"),
    "bottomless tokenizer": (written("tokenizer.json", '{"model":' * 100_000), "is not a tokenizer"),
    "huge tokenizer": (huge("tokenizer.json"), "at most"),
    "pickled weights": (pickled, "safetensors only"),
    "weights that are a link": (linked("model.safetensors", "secret.safetensors"), "is a link to"),
    "shards outside": (shards({"w": "../outside/secret.safetensors"}), "is not the name of a safetensors file"),
    "shards anywhere": (shards({"w": "OUTSIDE/secret.safetensors"}), "is not the name of a safetensors file"),
    "shards that are pickled": (shards({"w": "pytorch_model.bin"}), "is not the name of a safetensors file"),
    "shards of no form": (shards(["model.safetensors"]), "key weight_map"),
    "weights with an endless header": (safetensors(b"{}", size=2**62), "cut off or damaged"),
    "weights that overlap": (safetensors({"a": ENTRY, "b": ENTRY}, bytes(32)), "cut off or damaged"),
    "weights beyond the end": (
        safetensors({"a": ENTRY | {"data_offsets": [0, 2**40]}}, bytes(16)),
        "cut off or damaged",
    ),
    "weights with a deep header": (safetensors(b'{"a":' * 50_000), "cut off or damaged"),
}
RUNS = {
    "graph with weights outside": (external_weights("../../outside/secret.safetensors"), "onnx", "cannot be used"),
    "graph with weights anywhere": (external_weights("OUTSIDE/secret.safetensors"), "onnx", "cannot be used"),
    "graph that is a link": (linked("onnx/model.onnx", "secret.safetensors"), "onnx", "is a link to"),
    "graph of no form": (
        together(written("onnx/model.onnx", "OUTSIDE"), run_info()),
        "onnx",
        "cannot be used",
    ),
    "code in the config of a run": (together(config(auto_map=CODE), run_info()), "torch", "key auto_map"),
    "tokenizer of a run is a link": (linked("tokenizer.json", "secret.json"), "onnx", "is a link to"),
    "files outside": (
        run_info(files={"../outside/secret.safetensors": {"size": 1, "sha256": ""}}),
        "torch",
        "which is outside of it",
    ),
    "adapter of another name": (
        run_info(adapter={"name": "../../evil", "labels": [], "fitted": {}}),
        "onnx",
        "evil",
    ),
    "run without an adapter": (run_info(adapter=None), "onnx", "key adapter"),
    "run with an endless input": (run_info(model={"limit": 10**12, "pad_id": 0}), "onnx", "key model.limit"),
    "run with a recipe that runs code": (
        run_info(recipe={"adapter": {"name": "x"}, "code": "y"}),
        "onnx",
        "recipe.code",
    ),
    "run that is a list": (written("run.json", "[]"), "onnx", "run.json"),
    "bottomless run": (written("run.json", "[" * 100_000), "onnx", "run.json"),
}
HARMLESS_RUNS = ("code beside a run", "links within a run")


@pytest.fixture(scope="module")
def outside(tmp_path_factory):
    """A folder with secrets; the folders of strangers lie beside it."""
    folder = tmp_path_factory.mktemp("hostile") / "outside"
    folder.mkdir()
    (folder / "secret.json").write_text("{}")
    (folder / "secret.safetensors").write_bytes(bytes(4096))
    return folder


@pytest.fixture(scope="module")
def watched(outside):
    """Runs commands in one watched process and returns what each of them did."""

    def run(cases, imports=()):
        home = outside.parent / "home"
        job = {
            "cases": {name: [str(part) for part in arguments] for name, arguments in cases.items()},
            "imports": imports,
            "outside": str(outside),
            "inside": [str(home)],
        }
        done = subprocess.run(
            [sys.executable, ROOT / "tests" / "engine" / "watched.py"],
            input=json.dumps(job),
            env=environment(
                PYTHONPATH=ROOT,
                PYTHONDONTWRITEBYTECODE=1,
                **dict.fromkeys(("HOME", "TMPDIR", "BERTKIT_RUNS", "BERTKIT_CACHE", "TORCHINDUCTOR_CACHE_DIR"), home),
            ),
            cwd=outside.parent,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    (outside.parent / "home").mkdir()
    return run


@pytest.fixture(scope="module")
def models(watched, outside, tiny, tmp_path_factory):
    """What `finetune` did with each model folder."""
    table = write_reviews(outside.parent / "train.csv", rows=8)
    cases = {}
    for position, (name, (make, _)) in enumerate(MODELS.items()):
        folder = shutil.copytree(tiny, outside.parent / f"model-{position}")
        with_code(folder, outside)
        make(folder, outside)
        cases[name] = ["finetune", "--data", table, "--text", "text", "--label", "label", "--model", folder]
    # Offline is not said: whoever asked the hub would be seen.
    return watched(cases)


@pytest.fixture(scope="module")
def runs(watched, outside, finished):
    """What `predict` did with each run."""
    cases = {}

    def copy(name, make, backend):
        folder = shutil.copytree(finished, outside.parent / f"run-{len(cases)}")
        make(folder, outside)
        cases[name] = ["predict", "--with", "text=a day", "--run", folder, "--backend", backend]

    for name, (make, backend, _) in RUNS.items():
        copy(name, make, backend)
    copy("code beside a run", with_code, "torch")
    copy("links within a run", links_within, "onnx")
    return watched(cases, imports=["torch", "transformers"])


def with_code(folder, outside):
    """Lay code beside the weights, under names that somebody could import."""
    evil = EVIL.format(canary=str(outside.parent / "canary"))
    for name in ("evil", "modeling_bert", "tokenization_bert", "sitecustomize", "torch", "conftest"):
        (folder / f"{name}.py").write_text(evil)


def links_within(folder, outside):
    (folder / "weights").mkdir()
    (folder / "tokenizer.json").rename(folder / "weights" / "tokenizer.json")
    (folder / "tokenizer.json").symlink_to("weights/tokenizer.json")


def check(case, outside):
    assert case["events"] == []
    assert not (outside.parent / "canary").exists()
    assert "Traceback" not in case["err"], case["err"]
    assert "\x1b" not in case["out"] + case["err"]


@pytest.mark.parametrize("name", MODELS)
def test_model_of_a_stranger_is_refused_and_nothing_of_it_happens(name, models, outside):
    check(models[name], outside)
    assert models[name]["code"] == 2
    assert MODELS[name][1] in models[name]["err"]


@pytest.mark.parametrize("name", RUNS)
def test_run_of_a_stranger_is_refused_and_nothing_of_it_happens(name, runs, outside):
    check(runs[name], outside)
    assert runs[name]["code"] == 2
    assert RUNS[name][2] in runs[name]["err"]


@pytest.mark.parametrize("name", HARMLESS_RUNS)
def test_run_of_a_stranger_that_is_harmless_answers(name, runs, outside):
    check(runs[name], outside)
    assert runs[name]["code"] == 0, runs[name]["err"]


def test_the_watch_sees_what_it_must(watched, outside):
    program = (
        "import tests.engine.watched as w, sys, os, socket, pickle\n"
        f"watch = w.Watch({str(outside)!r}, [])\n"
        "sys.addaudithook(watch)\n"
        "watch.seen = events = []\n"
        f"open({str(outside / 'secret.json')!r}).close()\n"
        f"open({str(outside.parent / 'new')!r}, 'w').close()\n"
        f"exec(compile('0', {str(outside.parent / 'evil.py')!r}, 'exec'))\n"
        "os.system('true')\n"
        "pickle.loads(pickle.dumps(os.path.join))\n"
        "watch.seen = None\n"
        "print(len(events), *events, sep='\\n')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment(PYTHONPATH=ROOT), capture_output=True, text=True, check=True
    )
    assert [line.split()[0] for line in done.stdout.splitlines()[1:]] == [
        "open",
        "write",
        "compile",
        "exec",
        "os.system",
        "pickle.find_class",
    ]
