import csv
import json
from itertools import islice

import pytest

from bertkit.recipe import catalog
from tests import hub_server
from tests.hub_server import HubServer

pytest_plugins = ("tests.fixtures",)

MODEL = "models/google-bert/bert-base-uncased"
DATA = "datasets/stanfordnlp/sst2"
# The revision that tasks/sentiment/recipe.toml pins.
PINNED = "8d51e7e4887a4caaa95b3fbebbf53c0490b58bbb"
NAMES = ["negative", "positive"]
ARGUMENTS = ("finetune", "sentiment", "--model", "bert-base-uncased", "--set", "train.epochs=1", "--json")


def write_split(sample, folder, split, rows):
    """Write some rows of the sample as the hub has them: a Parquet file with class ids and their names."""
    import datasets

    with sample.open(encoding="utf-8", newline="") as stream:
        lines = list(islice(csv.DictReader(stream), rows))
    features = datasets.Features({"sentence": datasets.Value("string"), "label": datasets.ClassLabel(names=NAMES)})
    columns = {
        "sentence": [line["sentence"] for line in lines],
        "label": [NAMES.index(line["label"]) for line in lines],
    }
    folder.mkdir(parents=True, exist_ok=True)
    datasets.Dataset.from_dict(columns, features).to_parquet(folder / f"{split}-00000-of-00001.parquet")


@pytest.fixture
def hub(minilm_folder, tmp_path, monkeypatch):
    """A hub with one model and one data set, at the revision that the recipe asks for."""
    samples = catalog.sample(catalog.find("sentiment"))
    folder = tmp_path / "sst2"
    write_split(samples["train"], folder / "data", "train", 200)
    write_split(samples["validation"], folder / "data", "validation", 60)
    commit = hub_server._commit
    monkeypatch.setattr(hub_server, "_commit", lambda place: PINNED if place == folder else commit(place))
    with HubServer({MODEL: minilm_folder, DATA: folder}) as server:
        yield server


@pytest.mark.slow
def test_hub_task_runs_once_with_the_hub_and_then_without_it(process, hub, tmp_path):
    runs = tmp_path / "runs"

    def run(*arguments):
        return process(*arguments, HF_ENDPOINT=hub.url, HF_HUB_OFFLINE=0, BERTKIT_RUNS=runs)

    first = run(*ARGUMENTS, "-o", runs / "first")
    assert first.code == 0, first.err
    assert first.document["data"]["data"]["train"]["rows"] == 200
    assert any("safetensors" in request for request in hub.requests)
    hub.requests.clear()
    second = run(*ARGUMENTS, "-o", runs / "second")
    assert second.code == 0, second.err
    assert hub.requests == []

    assert second.document["data"]["scores"] == first.document["data"]["scores"]
    config = json.loads((runs / "second" / "config.json").read_text(encoding="utf-8"))
    assert config["id2label"] == {"0": "negative", "1": "positive"}

    hub.stop()
    assert run(*ARGUMENTS, "--dry-run").code == 0
    scored = run("eval", "--run", "first", "--json")
    assert scored.code == 0, scored.err
    assert scored.document["data"]["rows"] == 60
    answered = run("predict", catalog.sample(catalog.find("sentiment"))["validation"], "-o", "-", "-q")
    assert answered.code == 0, answered.err
    assert answered.out.splitlines()[0] == "sentence,label,answer,score"
    assert len(list(csv.reader(answered.out.splitlines()))) == 301
