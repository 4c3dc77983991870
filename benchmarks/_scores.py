"""Scores of the peers by scikit-learn and scipy, not by bertkit's own metrics."""

from __future__ import annotations

import numpy as np
from scipy.stats import pearsonr
from sklearn.metrics import accuracy_score, f1_score

from bertkit.engine.prepare import Prepared

# The first one selects the best epoch and the strength of the regularisation.
METRICS = {"single": ("accuracy",), "multi": ("f1_micro", "f1_macro"), "number": ("pearson",)}


def tuned_answers(prepared: Prepared, logits: np.ndarray) -> np.ndarray:
    """Return 0/1 by label, with thresholds tuned on the validation rows as bertkit tunes its own.

    Args:
        prepared: Holds the validation rows.
        logits: Of these rows, shape (rows, labels).
    """
    windows, rows = prepared.validation.encoded.windows, prepared.validation.examples.rows
    adapter = prepared.adapter.tune(list(logits), windows, rows)
    return adapter.arrays(adapter.decode(list(logits), windows, len(rows)), rows)[1]


def scores(kind: str, gold: np.ndarray, answer: np.ndarray) -> dict[str, float]:
    """Return the metrics of a kind of label.

    Args:
        kind: "single", "multi" or "number".
        gold: Class ids (rows,), 0/1 by label (rows, labels), or numbers (rows,).
        answer: The same of the answers.
    """
    if kind == "number":
        return {"pearson": float(pearsonr(gold, answer).statistic)}
    if kind == "multi":
        return {
            f"f1_{average}": float(f1_score(gold, answer, average=average, zero_division=0))
            for average in ("micro", "macro")
        }
    return {"accuracy": float(accuracy_score(gold, answer))}
