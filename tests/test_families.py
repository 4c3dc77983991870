"""Every family of encoders goes through every adapter."""

import json
from functools import partial
from itertools import pairwise

import numpy as np
import pytest

from bertkit import adapters
from bertkit.adapters._encoder import Window
from bertkit.engine import load
from bertkit.engine.agreement import same
from bertkit.engine.evaluate import evaluate
from bertkit.engine.family import FAMILIES as TRAINED
from bertkit.engine.family import longest_input
from bertkit.engine.finetune import finetune
from bertkit.engine.predictor import load_run
from tests.families import FAMILIES, LIMIT, ROWS, TEXTS, build, write_recipe


@pytest.fixture(scope="session", params=FAMILIES)
def name(request):
    """A family."""
    return request.param


@pytest.fixture(scope="session")
def family(name):
    """What is known about it."""
    return FAMILIES[name]


@pytest.fixture(scope="session")
def folder(name, tmp_path_factory):
    """Its checkpoint."""
    return build(name, tmp_path_factory.mktemp(name))


@pytest.fixture(scope="session", params=adapters.names())
def task(request):
    """Name of an adapter."""
    return request.param


@pytest.fixture(scope="session")
def recipe(task, tmp_path_factory):
    """A recipe file of that adapter, with its rows beside it."""
    return write_recipe(task, tmp_path_factory.mktemp(task))


@pytest.fixture(scope="session")
def train(recipe):
    """Fine-tunes a checkpoint."""
    rows = str(recipe.with_name("rows.jsonl"))
    return lambda folder, output: finetune(
        str(recipe), model=str(folder), data=rows, validation=rows, output=str(output)
    )


@pytest.fixture(scope="session")
def finished(folder, train, tmp_path_factory):
    """The run of a family and an adapter."""
    return train(folder, tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture(scope="session")
def answers(finished):
    """The run, loaded to predict with its weights."""
    return load_run(finished.folder, backend="torch")


@pytest.fixture(scope="session")
def graph(finished):
    """The run, loaded to predict with its graph."""
    return load_run(finished.folder, backend="onnx")


@pytest.fixture(scope="session")
def rows(finished, recipe):
    """The labelled rows as examples."""
    return load.file(str(recipe.with_name("rows.jsonl")), finished.recipe, finished.adapter).rows


@pytest.fixture(scope="session")
def windows(answers, rows):
    """The rows as the model reads them, with their targets."""
    return answers.adapter.encode(rows, answers.encoder, targets=True).windows


@pytest.fixture(scope="session")
def in_one(answers, rows, windows):
    """Rows that fit into one window: their texts and that window."""
    roles = [column.role for column in answers.layouts[0]]
    found = []
    for index, row in enumerate(rows):
        own = [window for window in windows if window.row == index]
        texts = [text if isinstance(text, str) else " ".join(text) for text in map(row.values.get, roles)]
        if len(own) == 1:
            found.append((texts, own[0]))
    assert len(found) > len(rows) / 3
    return found


@pytest.fixture(scope="session")
def tokenizer(finished):
    """The run's tokenizer as transformers loads it."""
    from transformers import AutoTokenizer

    return partial(AutoTokenizer.from_pretrained(finished.folder), return_token_type_ids=True)


def test_family_is_trained_scored_and_asked(finished, answers, rows, task):
    assert finished.info["training"]["steps"] > 1
    scores = evaluate(finished.folder).scores
    assert np.isfinite(scores[finished.adapter.metric])
    asked = [{role: row[role] for role in [column.role for column in answers.layouts[0]]} for row in ROWS[task]]
    assert answers.predict(asked) == answers.answer(rows)


def test_family_gets_its_special_tokens_and_segments(in_one, tokenizer):
    for texts, window in in_one:
        wanted = tokenizer(*texts)
        assert window.input_ids.tolist() == wanted["input_ids"]
        assert window.segment_ids.tolist() == wanted["token_type_ids"]


def test_family_frames_one_text_and_a_pair_as_transformers_does(answers, tokenizer):
    for texts in [(text,) for text in TEXTS] + list(pairwise(TEXTS)):
        wanted = tokenizer(*texts)
        if len(wanted["input_ids"]) <= LIMIT:
            (view,) = answers.encoder.views(*answers.encoder.ids(texts))
            assert view.input_ids.tolist() == wanted["input_ids"]
            assert view.segment_ids.tolist() == wanted["token_type_ids"]


def test_family_answers_the_same_in_plain_transformers(finished, answers, in_one, tokenizer, family):
    import torch
    import transformers

    plain = getattr(transformers, finished.adapter.model_class).from_pretrained(finished.folder).eval()
    for texts, window in in_one:
        inputs = tokenizer(*texts, return_tensors="pt")
        if not family.segments:
            del inputs["token_type_ids"]
        with torch.inference_mode():
            wanted = finished.adapter.logits(plain(**inputs))[0].numpy()
        assert answers.forward([window])[0] == pytest.approx(wanted, abs=1e-5)


def test_family_without_segments_is_never_given_any(answers, windows, family, task):
    seen = []
    handle = answers.forward.backend.model.register_forward_pre_hook(
        lambda _, args, inputs: seen.append(inputs), with_kwargs=True
    )
    answers.forward(windows)
    handle.remove()
    assert all(("token_type_ids" in inputs) == family.segments for inputs in seen)
    if family.segments and task != "token-classification":
        assert {value for inputs in seen for value in inputs["token_type_ids"].unique().tolist()} == {0, 1}


def test_family_reads_its_longest_input_and_no_more(folder, answers, family):
    assert longest_input(folder) == answers.encoder.max_length == LIMIT
    (ids,) = answers.encoder.ids([" ".join(TEXTS)])
    view = next(answers.encoder.views(ids))
    longest = Window(0, view.input_ids, view.segment_ids)
    assert longest.input_ids.size == LIMIT
    assert np.isfinite(answers.forward([longest])[0]).all()
    longer = Window(0, np.insert(longest.input_ids, 1, ids[0]), np.insert(longest.segment_ids, 1, 0))
    if family.open_ended:
        assert np.isfinite(answers.forward([longer])[0]).all()
    else:
        with pytest.raises((IndexError, RuntimeError)):
            answers.forward([longer])


def test_family_answers_the_same_beside_longer_texts(answers, windows):
    together = answers.forward(windows)
    for window, wanted in zip(windows, together, strict=True):
        assert answers.forward([window])[0] == pytest.approx(wanted, abs=1e-4)


def test_family_has_a_graph_that_answers_as_its_weights_do(answers, graph, rows, windows):
    pairs = zip(graph.answer(rows), answers.answer(rows), strict=True)
    assert all(same(record.answer, other.answer) for record, other in pairs)
    (ids,) = answers.encoder.ids([" ".join(TEXTS)])
    longest = next(answers.encoder.views(ids))
    several = [*windows, Window(0, longest.input_ids, longest.segment_ids)]
    wanted = answers.forward(several)
    for batch, logits in [(several, wanted), *(([window], [own]) for window, own in zip(several, wanted, strict=True))]:
        for own, other in zip(graph.forward(batch), logits, strict=True):
            assert own == pytest.approx(other, abs=1e-4)


def test_family_can_say_every_gold_answer(answers, rows, windows):
    adapter = answers.adapter
    certain = [_certain(adapter, window) for window in windows]
    records = adapter.decode(certain, windows, len(rows))
    wrong = [
        record.answer for record, row in zip(records, rows, strict=True) if adapter.severity(record, row) is not None
    ]
    assert wrong == []


def test_families_are_all_those_that_bertkit_trains():
    assert set(FAMILIES) == TRAINED


def test_finetune_gives_no_second_segment_to_a_model_of_one(train, tmp_path):
    folder = build("roberta", tmp_path / "roberta")
    tokens = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    texts = [{"Sequence": {"id": text, "type_id": segment}} for segment, text in enumerate("AB")]
    tokens["post_processor"] = {"type": "TemplateProcessing", "single": texts[:1], "pair": texts, "special_tokens": {}}
    (folder / "tokenizer.json").write_text(json.dumps(tokens), encoding="utf-8")
    answers = load_run(train(folder, tmp_path / "run").folder)
    one, other = answers.encoder.ids(["a", "b"])
    assert next(answers.encoder.views(one, other)).segment_ids.tolist() == [0, 1]


def _certain(adapter, window):
    """Logits of a model that knows what the window teaches."""
    target = adapter.target_batch([window])[0]
    if target.dtype.kind == "f":
        return 20.0 * target
    return np.where(np.asarray(target)[..., None] == np.arange(len(adapter.labels)), 20.0, 0.0)
