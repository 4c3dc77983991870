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


def of_words(column, names):
    import datasets

    kind = datasets.ClassLabel(names=names) if names else datasets.Value("string")
    return datasets.Features({"tokens": datasets.List(datasets.Value("string")), column: datasets.List(kind)})


def of_questions():
    import datasets

    answers = {"text": datasets.List(datasets.Value("string")), "answer_start": datasets.List(datasets.Value("int32"))}
    texts = dict.fromkeys(("id", "title", "question", "context"), datasets.Value("string"))
    return datasets.Features({**texts, "answers": answers})


WORDS = [["Anna", "lives", "in", "Rome", "."]] * 12
CONTEXT = "Anna lives in Rome."
ANSWERS = [{"text": [CONTEXT[:4]], "answer_start": [0]}, {"text": [], "answer_start": []}] * 6
# The configurations of a card; the files of the first are not asked for, and so not there.
CARD = """---
configs:
- config_name: af_afribooms
  data_files:
  - split: train
    path: af_afribooms/train.parquet
- config_name: en_ewt
  data_files:
  - split: train
    path: en_ewt/train.parquet
  - split: dev
    path: en_ewt/dev.parquet
  - split: test
    path: en_ewt/test.parquet
---
"""
LAYOUTS = {
    "ner": (
        "wnut_17/{split}/0000",
        lambda: of_words("ner_tags", ["O", "B-person", "B-location"]),
        {"tokens": WORDS, "ner_tags": [[1, 0, 0, 2, 0]] * 12},
        ("train", "validation", "test"),
        "  person ",
    ),
    "pos": (
        "en_ewt/{split}",
        lambda: of_words("upos", None),
        {"tokens": WORDS, "upos": [["PROPN", "VERB", "ADP", "PROPN", "PUNCT"]] * 12},
        ("train", "dev", "test"),
        "  PROPN ",
    ),
    "qa-unanswerable": (
        "squad_v2/{split}-00000-of-00001",
        of_questions,
        {
            "id": list(map(str, range(12))),
            "title": ["Anna"] * 12,
            "question": ["Who lives in Rome?", "Who lives in Oslo?"] * 6,
            "context": [CONTEXT] * 12,
            "answers": ANSWERS,
        },
        ("train", "validation"),
        "  no answer ",
    ),
}


@pytest.mark.parametrize("task", LAYOUTS)
def test_hub_data_sets_of_words_and_questions_are_read_as_the_hub_has_them(process, tiny, tmp_path, task):
    import datasets

    path, features, columns, splits, lesson = LAYOUTS[task]
    repository = tmp_path / "repository"
    for split in splits:
        file = repository / f"{path.format(split=split)}.parquet"
        file.parent.mkdir(parents=True, exist_ok=True)
        datasets.Dataset.from_dict(columns, features()).to_parquet(file)
    if task == "pos":
        (repository / "README.md").write_text(CARD, encoding="utf-8")
    name = catalog.find(task).read_text(encoding="utf-8").partition('hub = "')[2].partition('"')[0]
    with HubServer({f"datasets/{name}": repository}) as server:
        done = process(
            *("finetune", task, "--model", tiny, "--set", "data.revision=main", "--dry-run"),
            HF_ENDPOINT=server.url,
            HF_HUB_OFFLINE=0,
        )
    assert done.code == 0, done.err
    assert lesson in done.out
    assert f"{name}[train]" in done.out
