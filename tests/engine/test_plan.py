import math

import pytest

from bertkit.engine.finetune import prepare_request
from bertkit.engine.plan import plan
from bertkit.engine.request import Request
from bertkit.errors import RecipeError
from tests.command_line import write_csv

pytest_plugins = ("tests.fixtures",)


def plan_of(request):
    return plan(prepare_request(request))


def test_plan_counts_steps_and_measures_them(tiny, reviews, runs):
    overrides = ["train.epochs=2.5", "train.batch_size=16", "data.validation_fraction=0.25"]
    found = plan_of(Request(model=str(tiny), data=str(reviews), overrides=overrides))
    assert found.steps == math.ceil(math.ceil(54 / 16) * 2.5)
    assert found.seconds_per_step > 0
    assert found.memory > 0
    shown = found.to_dict()
    assert (shown["data"]["train"]["rows"], shown["data"]["validation"]["rows"]) == (54, 18)
    assert shown["seconds"] == shown["steps"] * shown["seconds_per_step"]
    assert f"{found.steps} steps of 16 rows" in found.sentence()
    assert not runs.exists()


def test_plan_shows_labels_and_lengths(tiny, reviews):
    found = plan_of(Request(model=str(tiny), data=str(reviews), overrides=["data.validation_fraction=0.25"]))
    rows, labels, _ = found.grids()
    assert [row[2] for row in rows.rows] == [54, 18]
    # [CLS] a great day [SEP]
    assert [row[4:] for row in rows.rows] == [[5, 5.0], [5, 5.0]]
    assert dict(labels.rows) == {"bad": 27, "good": 27}


def test_plan_shows_tokens_with_their_segments(tiny, tmp_path):
    lines = [["one", "two", "same"], *([f"day {row}", "a fine night", str(row % 2)] for row in range(20))]
    data = write_csv(tmp_path / "pairs.csv", lines)
    columns = {"text": "one", "text_pair": "two", "label": "same"}
    found = plan_of(Request(model=str(tiny), data=str(data), columns=columns))
    assert all(line.endswith(" [SEP] (0) a fine night [SEP] (1)") for line in found.samples())
    assert all(line.startswith("[CLS] day ") for line in found.samples())


def test_plan_refuses_what_finetune_would_refuse(tiny, reviews):
    with pytest.raises(RecipeError, match=r"train\.extra\.output_dir"):
        plan_of(Request(model=str(tiny), data=str(reviews), overrides=["train.extra.output_dir=x"]))
