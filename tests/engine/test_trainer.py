"""The steps of a training, in whatever parts and forms they are computed."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from bertkit.engine import model, training_arguments
from bertkit.engine.prepare import prepare
from bertkit.engine.request import Request, resolve

TEXTS = ["a slow film", "a long story with slow music and a plot", "plot", "good actor, good music, good scene"]
OVERRIDES = ["train.epochs=1", "train.batch_size=8", "train.learning_rate=1e-3"]


@pytest.fixture
def prepared(tmp_path, tiny_without_dropout):
    rows = [f"{TEXTS[line % 4]} {'very ' * (line % 7)}long,{('bad', 'good')[line % 3 == 0]}" for line in range(40)]
    (tmp_path / "rows.csv").write_text(
        "\n".join(["text,label", *(row.replace(",", ";", row.count(",") - 1) for row in rows)])
    )
    return prepare(
        resolve(Request(model=str(tiny_without_dropout), data=str(tmp_path / "rows.csv"), overrides=OVERRIDES))
    )


@pytest.fixture
def trainer(prepared, tmp_path):
    """Makes a trainer on a new model."""
    from bertkit.engine.trainer import EncoderTrainer

    def make(**changes):
        args = training_arguments.build(
            prepared.recipe.train, tmp_path / "work", device="cpu", precision="fp32", metric="accuracy"
        )
        network = model.for_training(prepared.checkpoint.folder, prepared.adapter, 1)
        return EncoderTrainer(
            network,
            args,
            collate=replace(prepared.collate(network, "cpu"), **changes),
            windows=prepared.train.taught,
            batches=prepared.batches(),
            validate=lambda _: {"accuracy": 0.0},
        )

    return make


@pytest.fixture
def wanted(trainer):
    """The weights of a training that nothing disturbed."""
    return _trained(trainer())


@pytest.mark.parametrize(
    "changes", [{"flattened": False}, {"flattened": False, "budget": 30}, {"budget": 30}, {"part_cost": 0}, {"most": 3}]
)
def test_form_and_parts_of_batches_change_nothing(trainer, wanted, changes):
    _assert_close(_trained(trainer(**changes)), wanted)


@pytest.mark.parametrize("flattened", [False, True])
def test_what_does_not_fit_into_memory_is_computed_in_smaller_parts(trainer, wanted, flattened, caplog):
    one = trainer(flattened=flattened, part_cost=10_000)
    sizes = _limit_tokens(one, 40)
    _assert_close(_trained(one), wanted)
    assert one.collate.budget <= 40
    assert len(sizes) > 2 * len(one.batches)
    said = [int(record.getMessage().split()[0]) for record in caplog.records if "do not fit" in record.getMessage()]
    assert said
    assert all(later < former for former, later in pairwise(said))


def test_a_single_row_that_does_not_fit_is_an_error(trainer):
    one = trainer()
    _limit_tokens(one, 3)
    with pytest.raises(RuntimeError, match="out of memory"):
        one.train()


def test_another_error_is_not_taken_for_a_lack_of_memory(trainer):
    one = trainer()

    def fail(*_):
        raise RuntimeError("the sizes do not match")

    one.model.register_forward_pre_hook(fail)
    with pytest.raises(RuntimeError, match="sizes do not match"):
        one.train()


def test_trying_the_forms_of_batches_leaves_no_trace(trainer, wanted):
    one = trainer()
    forms = [replace(one.collate, flattened=form) for form in (False, True)]
    chosen = one._fastest(one.model.train(), forms)
    assert chosen in forms
    assert all(weight.grad is None for weight in one.model.parameters())
    one.collate = chosen
    _assert_close(_trained(one), wanted)


def _limit_tokens(one, most):
    """Let the model of a trainer run out of memory above a number of tokens; return those of each call."""
    sizes = []

    def check(_, args, inputs):
        sizes.append(inputs["input_ids"].numel())
        if sizes[-1] > most:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")

    one.model.register_forward_pre_hook(check, with_kwargs=True)
    return sizes


def _trained(one):
    one.train()
    return {name: weight.detach().numpy() for name, weight in one.model.named_parameters()}


def _assert_close(found, wanted):
    assert found.keys() == wanted.keys()
    for name, weight in wanted.items():
        np.testing.assert_allclose(found[name], weight, atol=2e-5, err_msg=name)
