import csv
from pathlib import Path

import numpy as np
import pytest

from bertkit import adapters
from bertkit.adapters._encoder import Window
from bertkit.engine.backends import _quantize
from bertkit.engine.backends._calibrate import levels
from bertkit.engine.backends._quantize import quantize
from bertkit.engine.backends._trace import trace
from tests import families

SENTIMENT = Path(__file__).parents[3] / "tasks" / "sentiment"
LENGTHS = ((3, 17), (1, 40), (8, 5))


def graph_of(network, target, task="sequence-classification"):
    ids = np.arange(5, 14, dtype=np.int32)
    windows = [Window(row, ids[:size], np.zeros(size, np.int32)) for row, size in enumerate((9, 4))]
    trace(network, adapters.create(task, {}), windows, 0, target)
    return target


def as_batch(ids, mask):
    return {"input_ids": ids, "token_type_ids": np.zeros_like(ids), "attention_mask": mask}


def random_batches(vocabulary, seed=0):
    generator = np.random.default_rng(seed)
    batches = []
    for shape in LENGTHS:
        ids = generator.integers(5, vocabulary, shape)
        batches.append(as_batch(ids, np.ones_like(ids)))
    return batches


def answers(graph, batches):
    import onnxruntime

    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_inputs()]
    return [session.run(["logits"], {name: batch[name] for name in names})[0] for batch in batches]


def int8_products(graph):
    import onnx

    return sum(node.op_type == "MatMulIntegerToFloat" for node in onnx.load(graph).graph.node)


def rows(name):
    with (SENTIMENT / name).open(encoding="utf-8", newline="") as stream:
        return [(row["sentence"], row["label"] == "positive") for row in csv.DictReader(stream)]


def encoded(texts, folder):
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(128)
    tokenizer.enable_padding()
    batches = []
    for start in range(0, len(texts), 20):
        encodings = tokenizer.encode_batch(sorted(texts, key=len)[start : start + 20])
        ids, mask = (np.array([getattr(one, key) for one in encodings]) for key in ("ids", "attention_mask"))
        batches.append(as_batch(ids, mask))
    return batches


def fit_head(network, folder):
    """Fit the classifier to real rows by least squares: as good as an epoch, in seconds."""
    import torch

    labels = dict(rows("train.csv")[:240])
    texts = sorted(labels, key=len)
    with torch.inference_mode():
        pooled = [
            network.bert(**{name: torch.from_numpy(value) for name, value in batch.items()}).pooler_output
            for batch in encoded(texts, folder)
        ]
    features = torch.cat(pooled)
    wanted = torch.tensor([1.0 if labels[text] else -1.0 for text in texts])
    inner = features.T @ features + 10 * torch.eye(features.shape[1])
    weight = 3 * torch.linalg.solve(inner, features.T @ wanted)
    with torch.no_grad():
        network.classifier.weight.copy_(torch.stack([-weight, weight]))
        network.classifier.bias.zero_()


@pytest.fixture(scope="module")
def graphs(minilm_folder, tmp_path_factory):
    """A classifier of real texts in fp32 and in int8, and batches of texts that neither has seen."""
    import transformers

    folder = tmp_path_factory.mktemp("quantize")
    network = transformers.AutoModelForSequenceClassification.from_pretrained(minilm_folder, num_labels=2).eval()
    fit_head(network, minilm_folder)
    exact, small = graph_of(network, folder / "model.onnx"), folder / "model_int8.onnx"
    quantize(exact, small, encoded([text for text, _ in rows("train.csv")[:100]], minilm_folder))
    return exact, small, encoded([text for text, _ in rows("validation.csv")], minilm_folder)


def test_real_texts_keep_their_labels(graphs):
    exact, small, batches = graphs
    wanted, found = (np.concatenate(answers(graph, batches)) for graph in (exact, small))
    assert 0.2 < (wanted.argmax(1) == 0).mean() < 0.8, "a head that says one thing would prove nothing"
    assert (wanted.argmax(1) == found.argmax(1)).mean() >= 0.98
    assert np.abs(wanted - found).mean() < 0.04 * wanted.std()


def test_int8_file_is_smaller(graphs):
    exact, small, _ = graphs
    assert small.stat().st_size < 0.75 * exact.stat().st_size
    assert int8_products(small) >= 30


def test_answer_does_not_depend_on_the_texts_beside_it(graphs):
    _, small, batches = graphs
    together = answers(small, batches[7:8])[0]
    alone = [{name: value[row : row + 1] for name, value in batches[7].items()} for row in range(len(together))]
    assert np.abs(together - np.concatenate(answers(small, alone))).max() < 0.01 * together.std()


def test_same_graph_and_batches_give_the_same_file(tiny_classifier, tmp_path):
    for name in ("one", "two"):
        quantize(tiny_classifier, tmp_path / name, random_batches(300))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_products_that_err_too_much_stay_in_fp32(tiny_classifier, tmp_path, monkeypatch):
    batches = random_batches(300)
    wanted = np.concatenate(answers(tiny_classifier, batches))
    products, errors = [], []
    for most in (1.0, 0.01, 0.0):
        monkeypatch.setattr(_quantize, "MOST_ERROR", most)
        quantize(tiny_classifier, tmp_path / "small", batches)
        products.append(int8_products(tmp_path / "small"))
        errors.append(np.abs(np.concatenate(answers(tmp_path / "small", batches)) - wanted).max())
    assert products[0] == 12
    assert products[0] > products[1] > products[2] == 0
    assert errors[0] > errors[1] > errors[2] == 0


@pytest.mark.parametrize("family", ["albert", "bert", "distilbert", "deberta-v2", "roberta"])
@pytest.mark.parametrize("task", ["sequence-classification", "token-classification"])
def test_families_and_heads_answer_nearly_the_same(family, task, tmp_path):
    import transformers

    folder = families.build(family, tmp_path / family)
    head = "".join(word.capitalize() for word in task.split("-"))
    network = getattr(transformers, f"AutoModelFor{head}").from_pretrained(folder, num_labels=3).eval()
    exact = graph_of(network, tmp_path / "model.onnx", task)
    batches = random_batches(network.config.vocab_size)
    seen = [batch for seed in range(1, 9) for batch in random_batches(network.config.vocab_size, seed)]
    quantize(exact, tmp_path / "small.onnx", seen)
    assert int8_products(tmp_path / "small.onnx") >= 10
    assert (tmp_path / "small.onnx").stat().st_size < exact.stat().st_size
    wanted, found = answers(exact, batches), answers(tmp_path / "small.onnx", batches)
    assert [one.shape for one in found] == [one.shape for one in wanted]
    wanted, found = (np.concatenate([one.ravel() for one in each]) for each in (wanted, found))
    assert np.corrcoef(found, wanted)[0, 1] > 0.99


def test_weights_of_neighbours_fit_into_16_bits_together():
    matrix = np.random.default_rng(0).standard_t(3, (385, 64)).astype(np.float32)
    whole, scales = levels(matrix)
    pairs = np.vstack([whole, np.zeros_like(whole[:1])]).reshape(-1, 2, 64).astype(int)
    assert np.abs(np.maximum(pairs, 0).sum(1)).max() * 255 < 2**15
    assert np.abs(np.minimum(pairs, 0).sum(1)).max() * 255 <= 2**15
    assert np.abs(whole * scales - matrix).max() <= 0.5001 * scales.max()


@pytest.fixture(scope="module")
def tiny_classifier(tiny, tmp_path_factory):
    import transformers

    network = transformers.AutoModelForSequenceClassification.from_pretrained(tiny).eval()
    return graph_of(network, tmp_path_factory.mktemp("tiny_classifier") / "model.onnx")
