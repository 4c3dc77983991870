"""The classical peer: TF-IDF of words and word pairs under a linear model of scikit-learn."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from _rows import Rows, of
from _scores import METRICS, scores, tuned_answers
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier

from bertkit.engine.prepare import Prepared

# Strengths of the regularisation; cross-validation on the training rows chooses, as a fair user would.
STRENGTHS = (1.0, 10.0, 100.0, 1000.0)
FOLDS = 3


def train(prepared: Prepared) -> dict[str, float]:
    """Return the validation scores of the classical model."""
    kind = prepared.adapter.settings.labels
    rows, held = (of(split, prepared.adapter) for split in (prepared.train, prepared.validation))
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    vectorizer.fit(rows.texts + (rows.pairs or []))
    search = _search(kind)
    with warnings.catch_warnings():
        # A label without any row in one fold is expected in small samples of 28 labels.
        warnings.filterwarnings("ignore", message="Label not|The least populated class")
        search.fit(_features(vectorizer, rows), rows.targets)
    features = _features(vectorizer, held)
    if kind == "multi":
        return scores(kind, held.targets, tuned_answers(prepared, search.decision_function(features)))
    return scores(kind, held.targets, np.asarray(search.predict(features)))


def _search(kind: str) -> GridSearchCV:
    if kind == "number":
        return GridSearchCV(Ridge(), {"alpha": [1 / strength for strength in STRENGTHS]}, cv=FOLDS)
    model: Any = LogisticRegression(max_iter=1000)
    if kind == "multi":
        return GridSearchCV(OneVsRestClassifier(model), {"estimator__C": STRENGTHS}, scoring=METRICS[kind][0], cv=FOLDS)
    return GridSearchCV(model, {"C": STRENGTHS}, scoring=METRICS[kind][0], cv=FOLDS)


def _features(vectorizer: TfidfVectorizer, rows: Rows) -> csr_matrix:
    """One text: its words. Two texts: the words they do not share, those they share, and their cosine."""
    first = vectorizer.transform(rows.texts)
    if rows.pairs is None:
        return first
    second = vectorizer.transform(rows.pairs)
    shared = first.multiply(second)
    return hstack([abs(first - second), shared, csr_matrix(shared.sum(axis=1))]).tocsr()
