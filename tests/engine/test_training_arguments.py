import ast
import inspect
import subprocess
import sys
from dataclasses import fields

import pytest

from bertkit.engine import training_arguments
from bertkit.engine.training_arguments import OWN, REFUSED, WITHOUT_EFFECT, build, check_extra
from bertkit.errors import RecipeError
from bertkit.recipe.schema import TrainSettings


def built(tmp_path, **settings):
    train = TrainSettings(epochs=3, learning_rate=1e-4, **settings)
    return build(train, tmp_path, device="cpu", precision="fp32", metric="accuracy")


def test_check_extra_takes_fields_of_training_arguments():
    check_extra({"optim": "adamw_torch", "lr_scheduler_type": "cosine", "adam_beta2": 0.98, "logging_steps": 5})


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("num_train_epochs", "set train.epochs instead"),
        ("seed", "set train.seed instead"),
        ("hub_token", "bertkit sets this itself"),
        ("push_to_hub", "bertkit sets this itself"),
        ("report_to", "bertkit sets this itself"),
        ("output_dir", "bertkit sets this itself"),
        ("save_strategy", "bertkit sets this itself"),
        ("use_cpu", "bertkit sets this itself"),
        ("disable_tqdm", "bertkit sets this itself"),
        ("remove_unused_columns", "bertkit sets this itself"),
        ("label_smoothing_factor", "has no effect"),
        ("train_sampling_strategy", "has no effect"),
        ("optm", 'no such field; did you mean "optim"?'),
        ("zzzzzz", "no such field"),
    ],
)
def test_check_extra_refuses_a_key_with_the_reason(key, said):
    with pytest.raises(RecipeError, match=f"^train.extra.{key}: .*{said}"):
        check_extra({key: 1})


def test_check_extra_lists_every_wrong_key():
    with pytest.raises(RecipeError) as error:
        check_extra({"seed": 1, "optim": "sgd", "hub_token": "secret", "optm": "sgd"})
    assert len(error.value.message.splitlines()) == 3
    assert "secret" not in error.value.message


def test_check_extra_imports_no_transformers():
    script = (
        "import sys; from bertkit.engine.training_arguments import check_extra; check_extra({'optim': 'sgd'}); "
        "print(sorted({'torch', 'transformers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_own_and_refused_keys_are_fields_of_training_arguments():
    from transformers import TrainingArguments

    known = {field.name for field in fields(TrainingArguments)}
    assert set(training_arguments._fields()) == known
    assert set(OWN) | REFUSED | WITHOUT_EFFECT <= known
    assert not REFUSED & WITHOUT_EFFECT


def test_build_says_what_the_recipe_says(tmp_path):
    args = built(tmp_path, batch_size=8, accumulation=4, warmup=0.2, weight_decay=0.1, max_grad_norm=0.5, seed=7)
    assert (args.per_device_train_batch_size, args.gradient_accumulation_steps) == (8, 1)
    assert (args.num_train_epochs, args.learning_rate, args.weight_decay) == (3, 1e-4, 0.1)
    assert (args.max_grad_norm, args.seed, args.get_warmup_steps(50)) == (0.5, 7, 10)
    assert args.report_to == []
    assert not args.push_to_hub


def test_build_passes_every_permitted_extra_on(tmp_path):
    args = built(tmp_path, extra={"lr_scheduler_type": "cosine", "logging_steps": 3, "adam_beta2": 0.98})
    assert (args.lr_scheduler_type, args.logging_steps, args.adam_beta2) == ("cosine", 3, 0.98)


def test_build_sets_nothing_that_an_extra_may_set_too():
    tree = ast.parse(inspect.getsource(build))
    (call,) = (
        node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "TrainingArguments"
    )
    passed = [keyword.arg for keyword in call.keywords if keyword.arg]
    assert len(passed) > 15
    for key in passed:
        with pytest.raises(RecipeError, match=key):
            check_extra({key: 1})


@pytest.mark.parametrize(("metric", "greater"), [("accuracy", True), ("pearson", True), ("mean_absolute_error", False)])
def test_build_knows_which_metrics_want_to_be_small(tmp_path, metric, greater):
    train = TrainSettings(epochs=1, learning_rate=1e-4)
    args = build(train, tmp_path, device="cpu", precision="fp32", metric=metric)
    assert args.greater_is_better is greater
    assert args.metric_for_best_model == metric
