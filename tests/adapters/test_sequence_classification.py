import numpy as np
import pytest

from bertkit import adapters
from bertkit.adapters._encoder import Window
from bertkit.data.examples import Example
from bertkit.errors import DataError


def bare(**settings):
    return adapters.create("sequence-classification", settings)


def rows(*labels, source="train.csv"):
    return [Example(source, line, {"text": f"text {line}", "label": label}) for line, label in enumerate(labels, 2)]


def learnt(*labels, **settings):
    return bare(**settings).learn_labels(rows(*labels))


def windows(count):
    ids = np.zeros(3, np.int32)
    return [Window(row, ids, ids) for row in range(count)]


def answers(adapter, logits):
    records = adapter.decode(list(np.array(logits, np.float32)), windows(len(logits)), len(logits))
    return [record.answer for record in records]


@pytest.mark.parametrize(
    ("cells", "names"),
    [
        (["b", "a", "b"], ("a", "b")),
        (["10", "2", "1"], ("1", "2", "10")),
        (["10", "x", "2"], ("2", "10", "x")),
        (["NA", "null", "007", "True"], ("007", "NA", "True", "null")),
        ([" a ", "a", "b"], ("a", "b")),
        ([3, 1, 2], ("1", "2", "3")),
        ([True, False], ("false", "true")),
        (["nan", "2", "1"], ("1", "2", "nan")),
        (["1", "nan", "2"], ("1", "2", "nan")),
    ],
)
def test_learn_labels_takes_cells_as_text_in_natural_order(cells, names):
    adapter = learnt(*cells)
    assert adapter.labels == names
    assert adapter.fitted == {}


def test_learn_labels_puts_the_names_of_the_recipe_first():
    assert learnt("yes", "no", names=["no", "yes", "perhaps"]).labels == ("no", "yes", "perhaps")
    assert learnt("good", "bad", names=["no", "yes"]).labels == ("bad", "good")


def test_learn_labels_warns_of_labels_that_look_the_same(caplog):
    assert learnt("Spam", "spam", "spam", "ham").labels == ("Spam", "ham", "spam")
    (message,) = caplog.messages
    assert message.startswith('train.csv: "Spam" (1 rows) and "spam" (2 rows) differ only by case')


@pytest.mark.parametrize("cells", [("0", "1", "0"), (0, 1, 0)])
def test_learn_labels_reads_codes_as_positions_of_the_names(cells):
    adapter = learnt(*cells, names=["negative", "positive"])
    assert adapter.labels == ("negative", "positive")
    assert [adapter.gold(row) for row in rows(*cells)] == ["negative", "positive", "negative"]
    adapter.check_labels(rows("positive", "1"))


@pytest.mark.parametrize("names", [("1", "0"), ("1", "2", "3")])
def test_learn_labels_reads_cells_that_are_names_as_names(names):
    cells = names[:2]
    adapter = learnt(*cells, names=names)
    assert adapter.labels == names
    assert [adapter.gold(row) for row in rows(*cells)] == list(cells)


@pytest.mark.parametrize(
    ("kind", "cells", "count"), [("single", ["x", "x"], 1), ("multi", ["x", "x", ""], 1), ("multi", ["", ""], 0)]
)
def test_learn_labels_with_less_than_two_is_refused(kind, cells, count):
    with pytest.raises(DataError, match=f"train.csv: a classifier needs at least two labels.*have {count}"):
        learnt(*cells, labels=kind)


def test_learn_labels_of_equal_numbers_is_refused():
    with pytest.raises(DataError, match=r"all 2 training rows have the number 0\.5"):
        learnt("0.5", ".5", labels="number")


@pytest.mark.parametrize(
    ("cell", "separator", "gold"),
    [
        ("joy,love", ",", ["joy", "love"]),
        (" love , joy ,", ",", ["joy", "love"]),
        ("joy|love", "|", ["joy", "love"]),
        ("joy", ",", ["joy"]),
        ("", ",", []),
        (None, ",", []),
        (["love", "joy"], ",", ["joy", "love"]),
        ([], ",", []),
        ("1,0", ",", ["joy", "love"]),
        ([1], ",", ["love"]),
    ],
)
def test_gold_of_several_labels(cell, separator, gold):
    coded = (isinstance(cell, str) and cell[:1].isdecimal()) or cell == [1]
    train = ("0", "1", "2") if coded else ("joy", "love", "fear")
    adapter = learnt(*train, labels="multi", separator=separator, names=["joy", "love", "fear"])
    (row,) = rows(cell)
    assert adapter.gold(row) == gold
    assert adapter.target_batch([Window(0, None, None, adapter.kind.target(row))]).tolist() == [
        [float(label in gold) for label in adapter.labels]
    ]
    assert not adapter.is_unlabelled(row)


@pytest.mark.parametrize("kind", ["single", "number"])
@pytest.mark.parametrize("cell", ["", "  ", None])
def test_is_unlabelled_tells_empty_cells(kind, cell):
    adapter = bare(labels=kind)
    assert adapter.is_unlabelled(rows(cell)[0])
    assert not adapter.is_unlabelled(rows("0")[0])


@pytest.mark.parametrize("kind", ["single", "multi"])
def test_check_labels_lists_unknown_labels_with_place_and_nearest(kind):
    adapter = learnt("negative", "positive", labels=kind)
    with pytest.raises(DataError) as error:
        adapter.check_labels(rows("positive", "Positive ", "negativ", "positive", "negativ", "other", source="dev.csv"))
    lines = error.value.message.splitlines()[1:]
    assert lines == [
        'dev.csv:3: label "Positive" (1 rows); did you mean "positive"?',
        'dev.csv:4: label "negativ" (2 rows); did you mean "negative"?',
        'dev.csv:7: label "other" (1 rows)',
    ]
    assert "negative, positive" in error.value.hint


def test_check_labels_with_many_unknown_ones_shows_ten():
    with pytest.raises(DataError, match="and 5 more"):
        learnt("a", "b").check_labels(rows(*(f"label {number}" for number in range(15))))


@pytest.mark.parametrize("cell", ["much", "", "1,5", "nan", "inf", None])
def test_check_labels_refuses_cells_that_are_no_numbers(cell):
    adapter = learnt("1", "2", labels="number")
    with pytest.raises(DataError, match=r'^dev.csv:3, column of role "label": .* is not a number'):
        adapter.check_labels(rows("0.5", cell, source="dev.csv"))


def test_class_weights_of_classes_are_inverse_to_their_rows():
    adapter = learnt("a", "a", "a", "b", class_weights="auto")
    assert adapter.fitted == {"class_weights": [4 / (2 * 3), 4 / (2 * 1)]}


def test_class_weights_follow_the_names_where_cells_are_codes():
    adapter = learnt("0", "0", "0", "2", names=["x", "unused", "y"], class_weights="auto")
    assert adapter.fitted == {"coded": True, "class_weights": [4 / 6, 0.0, 2.0]}


def test_class_weights_of_several_labels_are_rows_without_by_rows_with():
    cells = ["common", "common", "common", "common,rare", ""] + ["common"] * 45
    adapter = learnt(*cells, labels="multi", class_weights="auto")
    assert adapter.fitted == {"class_weights": [1.0, 20.0]}


@pytest.mark.parametrize(
    ("kind", "cells", "logits", "targets"),
    [
        ("single", ("a", "b", "c"), [[2.0, 0.0, 1.0], [0.1, 0.2, 0.3]], np.array([2, 0])),
        ("multi", ("a", "b", "c"), [[2.0, 0.0, 1.0], [0.1, 0.2, 0.3]], np.array([[1, 0, 1], [0, 0, 0]], np.float32)),
        ("number", ("1", "3"), [[2.0], [0.1]], np.array([1.0, -1.0], np.float32)),
    ],
)
def test_loss_is_that_of_the_head_in_transformers(kind, cells, logits, targets):
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    adapter = learnt(*cells, labels=kind)
    config = BertConfig(
        vocab_size=10, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8,
        **adapter.config(),
    )  # fmt: skip
    assert config.num_labels == len(adapter.labels)
    model = BertForSequenceClassification(config).eval()
    with torch.no_grad():
        outputs = model(torch.tensor([[1, 2], [3, 4]]), labels=torch.tensor(targets))
        own = adapter.loss(outputs.logits, torch.tensor(targets)) / targets.size
    assert own.item() == pytest.approx(outputs.loss.item(), rel=1e-6)


@pytest.mark.parametrize(
    ("kind", "cells", "targets"),
    [
        ("single", ("a", "a", "a", "b"), [1, 0, 0]),
        ("multi", ("a", "a", "a,b", "a"), [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]),
    ],
)
def test_loss_counts_rare_classes_more(kind, cells, targets):
    import torch
    from torch.nn import functional

    adapter = learnt(*cells, labels=kind, class_weights="auto")
    weights = torch.tensor(adapter.fitted["class_weights"])
    logits, gold = torch.tensor([[1.0, 0.5], [0.2, 0.1], [3.0, -1.0]]), torch.tensor(targets)
    if kind == "single":
        wanted = functional.cross_entropy(logits, gold, weight=weights, reduction="sum")
    else:
        wanted = functional.binary_cross_entropy_with_logits(logits, gold, pos_weight=weights, reduction="sum")
    assert adapter.loss(logits, gold).item() == pytest.approx(wanted.item())


def test_decode_one_label_is_the_most_probable():
    adapter = learnt("a", "b", "c")
    (record,) = adapter.decode([np.array([0.0, 2.0, 1.0])], windows(1), 1)
    total = 1 + np.exp(2) + np.exp(1)
    assert record.answer == "b"
    assert record.score == pytest.approx(np.exp(2) / total)
    assert record.detail == pytest.approx({"a": 1 / total, "b": np.exp(2) / total, "c": np.exp(1) / total})


def test_decode_huge_logits_stay_finite():
    for kind in ("single", "multi"):
        adapter = learnt("a", "b", labels=kind)
        with np.errstate(over="ignore"):
            (record,) = adapter.decode([np.array([900.0, -900.0])], windows(1), 1)
        assert record.detail == {"a": 1.0, "b": 0.0}


def test_decode_several_labels_may_give_none():
    adapter = learnt("a", "b", labels="multi")
    none, both = adapter.decode([np.array([-2.0, -1.0]), np.array([2.0, 1.0])], windows(2), 2)
    assert (none.answer, both.answer) == ([], ["a", "b"])
    assert none.score == pytest.approx(1 - 1 / (1 + np.exp(1)))
    assert both.score == pytest.approx(1 / (1 + np.exp(-1)))


def test_decode_numbers_come_back_on_their_own_scale():
    adapter = learnt("10", "20", "60", labels="number")
    assert adapter.fitted["mean"] == 30
    assert adapter.fitted["scale"] == pytest.approx(np.std([10, 20, 60]))
    targets = [[adapter.kind.target(row)] for row in rows("10", "35")]
    assert answers(adapter, targets) == pytest.approx([10, 35], rel=1e-6)


def test_decode_averages_the_logits_of_the_windows_of_a_row():
    adapter = learnt("a", "b")
    ids = np.zeros(3, np.int32)
    three = [Window(0, ids, ids), Window(1, ids, ids), Window(0, ids, ids)]
    first, second = adapter.decode([np.array([4.0, 0.0]), np.array([0.0, 1.0]), np.array([0.0, 1.0])], three, 2)
    assert first.detail["a"] == pytest.approx(1 / (1 + np.exp(0.5 - 2.0)))
    assert second.answer == "b"


def test_decode_no_rows_gives_no_records():
    assert learnt("a", "b").decode([], [], 0) == []


@pytest.mark.parametrize(("threshold", "answer"), [(0.3, "yes"), (0.45, "no"), ("off", "no")])
def test_tune_takes_the_threshold_of_the_recipe(threshold, answer):
    adapter = learnt("no", "yes", threshold=threshold)
    logits = [np.array([np.log(0.6), np.log(0.4)])]
    tuned = adapter.tune(logits, windows(1), rows("no"))
    assert answers(tuned, logits) == [answer]


def test_tune_of_two_labels_by_hand():
    adapter = learnt("no", "yes")
    probability = np.linspace(0.01, 0.4, 120)
    logits = list(np.log(np.stack([1 - probability, probability], axis=1)))
    gold = rows(*("yes" if value > 0.2 else "no" for value in probability))
    tuned = adapter.tune(logits, windows(120), gold)
    assert tuned.fitted["threshold"] == pytest.approx(0.2, abs=0.002)
    assert tuned.score(tuned.decode(logits, windows(120), 120), gold)["accuracy"] == 1


@pytest.mark.parametrize(("names", "count"), [(("no", "yes"), 20), (("a", "b", "c"), 120)])
def test_tune_leaves_few_rows_and_more_than_two_classes_alone(names, count):
    adapter = learnt(*names)
    cells = (names * count)[:count]
    logits = list(np.random.default_rng(0).normal(size=(count, len(names))))
    assert adapter.tune(logits, windows(count), rows(*cells)).fitted == {}


@pytest.mark.parametrize(("wrong", "tuned"), [(3, False), (30, True)])
def test_tune_takes_a_threshold_only_where_the_gain_is_more_than_luck(wrong, tuned):
    """So many rows between 0.5 and 0.6 are wrong at 0.5, and nothing else is."""
    adapter = learnt("no", "yes")
    probability = np.concatenate([np.linspace(0.55, 0.59, wrong), np.full(60, 0.9), np.full(60, 0.1)])
    cells = ["no"] * wrong + ["yes"] * 60 + ["no"] * 60
    logits = [np.array([0.0, np.log(value / (1 - value))]) for value in probability]
    fitted = adapter.tune(logits, windows(len(cells)), rows(*cells)).fitted
    assert ("threshold" in fitted) is tuned
    assert not tuned or 0.59 < fitted["threshold"] < 0.9


def test_tune_of_several_labels_gives_rare_ones_a_shared_threshold():
    adapter = learnt("often,too", "rare", labels="multi")
    probability = np.linspace(0.01, 0.4, 120)
    logits = list(np.log(probability / (1 - probability))[:, None].repeat(3, axis=1))
    cells = [("often," if value > 0.2 else "") + ("too" if value > 0.3 else "") for value in probability]
    cells[100] += ",rare"
    tuned = adapter.tune(logits, windows(120), rows(*cells))
    often, rare, too = tuned.fitted["thresholds"]
    assert (often, too) == pytest.approx((0.2, 0.3), abs=0.002)
    gold = np.array([tuned.target_batch([Window(0, None, None, tuned.kind.target(row))])[0] for row in rows(*cells)])
    shared = [2 * gold[probability >= t].sum() / (gold.sum() + 3 * (probability >= t).sum()) for t in (0.1, rare, 0.35)]
    assert max(shared) == shared[1]


@pytest.mark.parametrize(("kind", "metric"), [("single", "accuracy"), ("multi", "f1_macro")])
@pytest.mark.parametrize("seed", range(5))
def test_tune_is_never_worse_than_a_half_on_its_own_rows(kind, metric, seed):
    generator = np.random.default_rng(seed)
    adapter = learnt("a", "b", labels=kind)
    logits = list(generator.normal(size=(150, 2)).round(1))
    cells = [",".join(adapter.labels[: 1 + (kind == "multi" and row[0] > 1)]) if row[0] + generator.normal() > 0
             else "b" for row in logits]  # fmt: skip
    scores = [
        each.score(each.decode(logits, windows(150), 150), rows(*cells))[metric]
        for each in (adapter, adapter.tune(logits, windows(150), rows(*cells)))
    ]
    assert scores[1] >= scores[0]


def test_report_of_classes_counts_rows_and_confusions():
    adapter = learnt("a", "b")
    gold = rows("a", "a", "b")
    per_class, confusion, frequent = adapter.report(adapter.decode([np.array([1, 0])] * 3, windows(3), 3), gold)
    assert per_class.rows == [["a", 2 / 3, 1.0, 0.8, 2], ["b", 0.0, 0.0, 0.0, 1]]
    assert confusion.rows == [["a", 2, 0], ["b", 1, 0]]
    assert frequent.rows == [["b", "a", 1]]


def test_severity_ranks_wrong_answers_by_confidence():
    adapter = learnt("a", "b")
    (record,) = adapter.decode([np.array([1.0, 0.0])], windows(1), 1)
    right, wrong = rows("a", "b")
    assert adapter.severity(record, right) is None
    assert adapter.severity(record, wrong) == record.score
    number = learnt("0", "10", labels="number")
    (record,) = number.decode([np.array([1.0])], windows(1), 1)
    assert number.severity(record, rows("4")[0]) == pytest.approx(6.0)
