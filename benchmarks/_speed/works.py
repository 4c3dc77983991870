"""Every piece of work by its name."""

from __future__ import annotations

from _speed import cold_start, entities, predict_texts, questions, tokenizing, train_questions, train_short
from _speed.checkpoints import bert_base, minilm
from _speed.setup import Work

WORKS: dict[str, Work] = {
    "train-short": train_short.work(minilm, "minilm", 384, rows=192, padded_rows=64),
    "train-short-base": train_short.work(bert_base, "BERT-base", 768, rows=32, padded_rows=16),
    "train-questions": train_questions.work(),
    "predict-short": predict_texts.short(),
    "predict-short-base": predict_texts.short_base(),
    "predict-mixed": predict_texts.mixed(),
    "entities": entities.work(),
    "questions": questions.work(),
    "start": cold_start.work(),
    "tokenizing": tokenizing.work(),
}
