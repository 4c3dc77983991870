"""Every metric equals that of scikit-learn or scipy, also where it is undefined."""

import math

import numpy as np
import pytest
import scipy.stats
import sklearn.metrics as sk

from bertkit.data import metrics

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning"),
    pytest.mark.filterwarnings("ignore::scipy.stats.ConstantInputWarning"),
    pytest.mark.filterwarnings("ignore:A single label was found"),
    pytest.mark.filterwarnings("ignore:No positive class found"),
]
SEEDS = range(20)
N_CLASSES = 6
PER_CLASS = {
    "precision": (metrics.precision, sk.precision_score),
    "recall": (metrics.recall, sk.recall_score),
    "f1": (metrics.f1, sk.f1_score),
}


def class_ids(seed, rows=40):
    """Draw ids whose last classes are often absent, half of the answers right."""
    rng = np.random.default_rng(seed)
    present = rng.integers(1, N_CLASSES + 1)
    gold, other = rng.integers(0, present, rows), rng.integers(0, present, rows)
    return gold, np.where(rng.random(rows) < 0.5, gold, other)


def indicators(seed, rows=40):
    """Draw label sets where the first label never occurs in gold and the second nowhere."""
    rng = np.random.default_rng(seed)
    gold, answer = rng.integers(0, 2, (2, rows, N_CLASSES))
    gold[:, :2] = 0
    answer[:, 1] = 0
    return gold, answer


def numbers(seed, rows=40):
    """Draw numbers with ties."""
    rng = np.random.default_rng(seed)
    gold = rng.integers(0, 10, rows) / 2
    return gold, gold + rng.integers(-4, 5, rows)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", PER_CLASS)
def test_per_class_scores_match_sklearn(name, seed):
    score, reference = PER_CLASS[name]
    gold, answer = class_ids(seed)
    expected = reference(gold, answer, labels=range(N_CLASSES), average=None, zero_division=0)
    np.testing.assert_allclose(score(metrics.count_classes(gold, answer, N_CLASSES)), expected)
    gold, answer = indicators(seed)
    expected = reference(gold, answer, average=None, zero_division=0)
    np.testing.assert_allclose(score(metrics.count_labels(gold, answer)), expected)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("how", ["micro", "macro", "weighted"])
@pytest.mark.parametrize("name", PER_CLASS)
def test_average_matches_sklearn(name, how, seed):
    score, reference = PER_CLASS[name]
    gold, answer = class_ids(seed)
    expected = reference(gold, answer, average=how, zero_division=0)
    assert metrics.average(score, metrics.count_classes(gold, answer, N_CLASSES), how) == pytest.approx(expected)
    gold, answer = indicators(seed)
    expected = reference(gold, answer, average=how, zero_division=0)
    assert metrics.average(score, metrics.count_labels(gold, answer), how) == pytest.approx(expected)


@pytest.mark.parametrize("how", ["micro", "macro", "weighted"])
def test_average_of_no_rows_is_zero(how):
    none = np.array([], dtype=int)
    assert metrics.average(metrics.f1, metrics.count_classes(none, none, 3), how) == 0.0


@pytest.mark.parametrize("seed", SEEDS)
def test_confusion_matrix_matches_sklearn(seed):
    gold, answer = class_ids(seed)
    expected = sk.confusion_matrix(gold, answer, labels=range(N_CLASSES))
    np.testing.assert_array_equal(metrics.confusion_matrix(gold, answer, N_CLASSES), expected)


@pytest.mark.parametrize("ids", [(0, 3), (3, 0), (-1, 0)])
def test_confusion_matrix_of_an_id_out_of_range_is_refused(ids):
    gold, answer = np.array([ids[0]]), np.array([ids[1]])
    with pytest.raises(ValueError, match="invalid entry"):
        metrics.confusion_matrix(gold, answer, 3)


@pytest.mark.parametrize("seed", SEEDS)
def test_from_confusion_equals_count_classes(seed):
    gold, answer = class_ids(seed)
    counts = metrics.count_classes(gold, answer, N_CLASSES)
    same = metrics.from_confusion(metrics.confusion_matrix(gold, answer, N_CLASSES))
    for name in ("hits", "answered", "gold"):
        np.testing.assert_array_equal(getattr(counts, name), getattr(same, name))


@pytest.mark.parametrize("seed", SEEDS)
def test_mcc_matches_sklearn(seed):
    gold, answer = class_ids(seed)
    counts = metrics.count_classes(gold, answer, N_CLASSES)
    assert metrics.mcc(counts) == pytest.approx(sk.matthews_corrcoef(gold, answer), abs=1e-12)


@pytest.mark.parametrize(("gold", "answer"), [([1, 1, 1], [0, 1, 1]), ([0, 1, 1], [1, 1, 1]), ([1, 1], [1, 1])])
def test_mcc_of_a_constant_is_zero_as_in_sklearn(gold, answer):
    assert metrics.mcc(metrics.count_classes(np.array(gold), np.array(answer), 2)) == 0.0
    assert sk.matthews_corrcoef(gold, answer) == 0.0


@pytest.mark.parametrize("draw", [class_ids, indicators])
@pytest.mark.parametrize("seed", SEEDS)
def test_accuracy_matches_sklearn(draw, seed):
    gold, answer = draw(seed)
    assert metrics.accuracy(gold, answer) == pytest.approx(sk.accuracy_score(gold, answer))


@pytest.mark.parametrize("seed", SEEDS)
def test_correlations_match_scipy(seed):
    gold, answer = numbers(seed)
    assert metrics.pearson(gold, answer) == pytest.approx(scipy.stats.pearsonr(gold, answer).statistic)
    assert metrics.spearman(gold, answer) == pytest.approx(scipy.stats.spearmanr(gold, answer).statistic)


@pytest.mark.parametrize("name", ["pearson", "spearman"])
@pytest.mark.parametrize(
    ("gold", "answer"), [([0.1] * 7, range(7)), (range(7), [0.1] * 7), ([0, math.nan, 2], [0, 1, 2])]
)
def test_correlation_of_a_constant_or_nan_is_nan_as_in_scipy(name, gold, answer):
    gold, answer = np.array(gold, dtype=float), np.array(answer, dtype=float)
    assert math.isnan(getattr(metrics, name)(gold, answer))
    assert math.isnan(getattr(scipy.stats, f"{name}r")(gold, answer).statistic)


@pytest.mark.parametrize("name", ["pearson", "spearman", "accuracy", "mean_absolute_error"])
def test_score_of_no_rows_is_nan(name):
    assert math.isnan(getattr(metrics, name)(np.array([]), np.array([])))


@pytest.mark.parametrize("seed", SEEDS)
def test_errors_match_sklearn(seed):
    gold, answer = numbers(seed)
    assert metrics.mean_absolute_error(gold, answer) == pytest.approx(sk.mean_absolute_error(gold, answer))
    expected = sk.root_mean_squared_error(gold, answer)
    assert metrics.root_mean_squared_error(gold, answer) == pytest.approx(expected)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("levels", [3, 1000])
def test_binary_ranking_scores_match_sklearn_with_and_without_ties(levels, seed):
    rng = np.random.default_rng(seed)
    gold = rng.integers(0, 2, 50)
    scores = (rng.integers(0, levels, 50) + gold) / levels
    assert metrics.roc_auc(gold, scores) == pytest.approx(sk.roc_auc_score(gold, scores))
    assert metrics.average_precision(gold, scores) == pytest.approx(sk.average_precision_score(gold, scores))


@pytest.mark.parametrize("seed", SEEDS)
def test_ranking_scores_of_several_classes_match_sklearn(seed):
    rng = np.random.default_rng(seed)
    gold = np.append(rng.integers(0, 4, 50), range(4))
    scores = rng.integers(1, 6, (54, 4)) + 3.0 * np.eye(4)[gold]
    scores /= scores.sum(axis=1, keepdims=True)
    expected = sk.roc_auc_score(gold, scores, multi_class="ovr", average="macro")
    assert metrics.roc_auc(gold, scores) == pytest.approx(expected)
    expected = sk.average_precision_score(gold, scores, average="macro")
    assert metrics.average_precision(gold, scores) == pytest.approx(expected)


@pytest.mark.parametrize("seed", SEEDS)
def test_ranking_scores_of_labels_match_sklearn_where_a_label_is_absent(seed):
    gold, _ = indicators(seed)
    scores = np.random.default_rng(seed).integers(0, 8, gold.shape) / 8
    expected = sk.roc_auc_score(gold[:, 2:], scores[:, 2:], average="macro")
    assert metrics.roc_auc(gold, scores) == pytest.approx(expected)
    expected = sk.average_precision_score(gold, scores, average="macro")
    assert metrics.average_precision(gold, scores) == pytest.approx(expected)


@pytest.mark.parametrize("gold", [[0, 0, 0], [1, 1, 1]])
def test_roc_auc_of_one_class_is_nan_as_in_sklearn(gold):
    scores = np.array([0.1, 0.2, 0.3])
    assert math.isnan(metrics.roc_auc(np.array(gold), scores))
    assert math.isnan(sk.roc_auc_score(gold, scores))


@pytest.mark.parametrize("gold", [[0, 0, 0], [1, 1, 1]])
def test_average_precision_of_one_class_is_as_in_sklearn(gold):
    scores = np.array([0.1, 0.2, 0.3])
    expected = sk.average_precision_score(gold, scores)
    assert metrics.average_precision(np.array(gold), scores) == expected == float(gold[0])


@pytest.mark.parametrize("name", ["roc_auc", "average_precision"])
@pytest.mark.parametrize("scores", [[0.1, math.nan, 0.3], [[0.1, 0.2], [0.3, math.nan], [0.2, 0.1]]])
def test_ranking_score_of_a_nan_is_nan(name, scores):
    assert math.isnan(getattr(metrics, name)(np.array([0, 1, 1]), np.array(scores)))


@pytest.mark.parametrize("seed", SEEDS)
def test_expected_calibration_error_matches_its_definition(seed):
    rng = np.random.default_rng(seed)
    confidence = np.append(rng.random(200), np.arange(16) / 15)
    correct = rng.random(216) < confidence
    expected = 0.0
    for low, high in zip(np.arange(15) / 15, np.arange(1, 16) / 15, strict=True):
        inside = (confidence > low) & (confidence <= high) | (low == 0) & (confidence == 0)
        if inside.any():
            gap = abs(correct[inside].mean() - confidence[inside].mean())
            expected += inside.sum() / len(confidence) * gap
    assert metrics.expected_calibration_error(correct, confidence) == pytest.approx(expected)


def test_expected_calibration_error_of_certain_answers_is_the_error_rate():
    correct = np.array([True, True, True, False])
    assert metrics.expected_calibration_error(correct, np.ones(4)) == pytest.approx(0.25)
    assert metrics.expected_calibration_error(correct, correct.astype(float)) == 0.0
