import numpy as np
import pytest

from bertkit import adapters
from bertkit.adapters._encoder import Window
from bertkit.engine.backends._trace import trace
from bertkit.engine.backends.onnx import Onnx
from bertkit.engine.backends.torch import Torch
from bertkit.engine.batches import pad
from tests import families


def windows(*sizes):
    generator = np.random.default_rng(0)
    texts = [generator.integers(5, 90, size, np.int32) for size in sizes]
    return [Window(row, ids, np.zeros_like(ids)) for row, ids in enumerate(texts)]


@pytest.mark.parametrize("family", ["albert", "bert", "distilbert", "deberta-v2", "roberta"])
def test_graph_takes_padding_that_was_not_traced(family, tmp_path):
    import transformers

    folder = families.build(family, tmp_path / family)
    network = transformers.AutoModelForSequenceClassification.from_pretrained(folder, num_labels=3).eval()
    adapter = adapters.create("sequence-classification", {})
    pad_id = network.config.pad_token_id
    trace(network, adapter, windows(7, 7), pad_id, tmp_path / "model.onnx")
    batch = pad(windows(3, 21, 12), pad_id)
    graph, weights = Onnx(tmp_path / "model.onnx"), Torch(network, adapter)
    assert graph.inputs == weights.inputs
    found, wanted = (one({name: batch[name] for name in one.inputs}) for one in (graph, weights))
    assert found == pytest.approx(wanted, abs=1e-5)
