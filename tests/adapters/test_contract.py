"""What every adapter must keep, on the samples of its own built-in tasks."""

import json
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import pytest

from bertkit import adapters
from bertkit.data.examples import Examples
from bertkit.engine import load, model
from bertkit.engine.backends.torch import Torch
from bertkit.engine.forward import Forward
from bertkit.engine.request import Request, resolve
from bertkit.engine.run import Run
from bertkit.engine.tokenizer import load_encoder
from bertkit.errors import RecipeError
from bertkit.recipe import catalog

ROWS = 24


def samples():
    found = {task: resolve(Request(task=task)).recipe.adapter.name for task in catalog.names()}
    return [(name, task) for task, name in found.items() if catalog.sample(catalog.find(task))]


SAMPLES = samples()


class Case:
    """An adapter that has learnt from some rows of a sample, and a random model that answers them."""

    def __init__(self, task, folder, overrides):
        self.recipe = resolve(Request(task=task, data="sample", overrides=overrides)).recipe
        bare = adapters.create(self.recipe.adapter.name, self.recipe.adapter.model_dump(exclude={"name"}))
        everything = load.split(self.recipe, "train", bare).rows
        self.rows = everything[:: len(everything) // ROWS][:ROWS]
        self.adapter = bare.learn_labels(everything)
        self.encoder = load_encoder(folder, self.recipe.encode, 512)
        self.model = model.for_training(folder, self.adapter, seed=1)
        self._spread()

    def _spread(self):
        """Make the answers of the random model differ from row to row, which its small weights do not."""
        import torch

        with torch.no_grad():
            for weight in self.model.parameters():
                if weight.dim() == 2:
                    weight.mul_(12)

    @cached_property
    def answers(self):
        return self.records(self.rows)

    def logits(self, windows, budget=1024):
        return Forward(Torch(self.model, self.adapter), self.adapter, self.encoder.pad_id, budget)(windows)

    def records(self, rows, budget=1024):
        encoded = self.adapter.encode(rows, self.encoder, targets=False)
        return self.adapter.decode(self.logits(encoded.windows, budget), encoded.windows, len(rows))


@pytest.fixture(scope="module", params=[[], ["encode.truncate=windows", "encode.max_length=16", "encode.stride=4"]])
def overrides(request):
    return request.param


@pytest.fixture(scope="module", params=SAMPLES, ids=lambda pair: pair[1])
def case(request, tiny, overrides):
    return Case(request.param[1], tiny, overrides)


def near(value, other):
    """Tell whether two answers are the same but for the last decimals of their scores."""
    if isinstance(value, float):
        return value == pytest.approx(other, abs=1e-6, rel=2e-6)
    if isinstance(value, dict):
        return value.keys() == other.keys() and all(near(value[key], other[key]) for key in value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return len(value) == len(other) and all(map(near, value, other))
    return value == other


def assert_same(records, others):
    for record, other in zip(records, others, strict=True):
        assert near(record.answer, other.answer)
        assert near(record.score, other.score)
        assert near(dict(record.detail), dict(other.detail))


def test_contract_every_adapter_has_a_sample():
    assert {name for name, _ in SAMPLES} == set(adapters.names())


def test_contract_windows_carry_targets_and_the_ledger_adds_up(case):
    encoded = case.adapter.encode(case.rows, case.encoder, targets=True)
    assert [row for row in dict.fromkeys(window.row for window in encoded.windows)] == list(range(len(case.rows)))
    assert all(window.input_ids.size <= case.encoder.max_length for window in encoded.windows)
    assert (encoded.seen <= encoded.tokens).all()
    assert encoded.tokens.shape == encoded.seen.shape == (len(case.rows),)
    assert len(case.adapter.target_batch(encoded.windows)) == len(encoded.windows)


def test_contract_loss_is_a_sum_with_a_gradient(case):
    import torch

    encoded = case.adapter.encode(case.rows, case.encoder, targets=True)
    lines = [torch.tensor(line) for line in case.logits(encoded.windows)]
    logits = torch.nn.utils.rnn.pad_sequence(lines, batch_first=True).requires_grad_()
    targets = torch.from_numpy(case.adapter.target_batch(encoded.windows))
    loss = case.adapter.loss(logits, targets)
    half = len(targets) // 2
    parts = case.adapter.loss(logits[:half], targets[:half]) + case.adapter.loss(logits[half:], targets[half:])
    assert loss.item() == pytest.approx(parts.item(), rel=1e-5)
    loss.backward()
    assert logits.grad.abs().sum() > 0


def test_contract_one_record_a_row_scores_and_reports(case):
    records = case.answers
    assert len(records) == len(case.rows)
    assert len({str(record.answer) for record in records}) > 1
    scores = case.adapter.score(records, case.rows)
    assert np.isfinite(scores[case.adapter.metric])
    grids = case.adapter.report(records, case.rows)
    assert grids
    assert all(len(line) == len(grid.header) for grid in grids for line in grid.rows)


def test_contract_what_predict_adds_has_the_names_it_says(case):
    for everything in (False, True):
        names = case.adapter.cell_names(everything=everything)
        assert names[:2] == ["answer", "score"]
        assert all(list(case.adapter.cells(record, everything=everything)) == names for record in case.answers)
    by_word = [case.adapter.by_word(record) for record in case.answers]
    assert len({labels is None for labels in by_word}) == 1


def test_contract_mending_twice_is_mending_once(case):
    again = case.adapter.mend(Examples("again", case.rows), "stop")
    assert again.rows == case.rows
    assert not again.repaired
    assert not again.dropped


def test_contract_arrays_are_of_one_shape_or_refused(case):
    try:
        gold, answers = case.adapter.arrays(case.answers, case.rows)
    except RecipeError:
        return
    assert gold.shape == answers.shape
    assert len(gold) >= len(case.rows)


def test_contract_right_answers_get_the_best_score(case):
    records = case.answers
    right = [
        type(record)(case.adapter.gold(row), record.score, record.detail)
        for record, row in zip(records, case.rows, strict=True)
    ]
    scores = case.adapter.score(right, case.rows)
    assert scores[case.adapter.metric] == pytest.approx(1)
    assert scores[case.adapter.metric] > case.adapter.score(records, case.rows)[case.adapter.metric]
    assert not any(case.adapter.severity(record, row) for record, row in zip(right, case.rows, strict=True))


def test_contract_no_answer_exceeds_the_ceiling(case):
    encoded = case.adapter.encode(case.rows, case.encoder, targets=False)
    reached = case.adapter.reach(case.rows, encoded)
    if reached is None:
        assert case.adapter.bounded == ()
        return
    ceiling, scores = case.adapter.ceiling(reached, case.rows), case.adapter.score(case.answers, case.rows)
    assert case.adapter.metric in ceiling
    assert all(scores[name] <= ceiling[name] <= 1 for name in ceiling)


@pytest.mark.parametrize("budget", [64, 4096])
def test_contract_batch_size_never_changes_an_answer(case, budget):
    assert_same(case.records(case.rows, budget), case.answers)


def test_contract_order_of_rows_never_changes_an_answer(case):
    assert_same(case.records(case.rows[::-1])[::-1], case.answers)


def test_contract_neighbours_never_change_an_answer(case):
    alone = [record for row in case.rows[:10] for record in case.records([row])]
    assert_same(alone, case.answers[:10])


def test_contract_order_of_windows_never_changes_an_answer(case):
    encoded = case.adapter.encode(case.rows, case.encoder, targets=False)
    order = np.random.default_rng(0).permutation(len(encoded.windows))
    shuffled = [encoded.windows[position] for position in order]
    assert_same(case.adapter.decode(case.logits(shuffled), shuffled, len(case.rows)), case.answers)


def test_contract_a_stored_run_decodes_the_same(case):
    encoded = case.adapter.encode(case.rows, case.encoder, targets=False)
    logits = case.logits(encoded.windows)
    tuned = case.adapter.tune(logits, encoded.windows, case.rows)
    recipe = case.recipe.model_dump(mode="json", exclude_none=True)
    stored = {"name": recipe["adapter"]["name"], "labels": list(tuned.labels), "fitted": dict(tuned.fitted)}
    run = Run(None, json.loads(json.dumps({"recipe": recipe, "adapter": stored})))
    assert run.adapter == tuned
    again = run.adapter.decode(logits, encoded.windows, len(case.rows))
    assert again == tuned.decode(logits, encoded.windows, len(case.rows))
    assert [run.adapter.gold(row) for row in case.rows] == [tuned.gold(row) for row in case.rows]
