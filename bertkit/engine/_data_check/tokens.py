"""What a tokenizer and a length make of texts: tokens that no window shows, and tokens that stand for anything."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bertkit.adapters import Adapter
from bertkit.adapters._encoder import Encoder
from bertkit.adapters._results import Encoded
from bertkit.data.examples import Example
from bertkit.engine._data_check.findings import SHOWN, Finding, brief, spot
from bertkit.engine._data_check.texts import roles_of_text, texts_of
from bertkit.engine.unseen import Unseen

LENGTHS = (128, 256, 512)
# Shares of all tokens from which on they are worth a look.
MUCH_UNSEEN = 0.01
MUCH_UNKNOWN = 0.001
ROWS_READ_AGAIN = 1000

Splits = Mapping[str, tuple[Sequence[Example], Encoded]]


def lengths(splits: Splits, encoder: Encoder, adapter: Adapter) -> Finding:
    """Return how much of the texts windows of several lengths do not show.

    Args:
        splits: Rows with their windows.
        encoder: Tokenizer and limits.
        adapter: Says which columns hold text.
    """
    ledger = Unseen()
    for _, encoded in splits.values():
        ledger.add(encoded)
    first = next((row for rows, _ in splits.values() for row in rows), None)
    pair = first is not None and len(texts_of(first, roles_of_text(adapter))) > 1
    special = (encoder.pair if pair else encoder.single).size
    tokens = np.concatenate([encoded.tokens for _, encoded in splits.values()])
    figures = {str(length): _beyond(tokens, length - special) for length in LENGTHS}
    share = ledger.tokens_unseen / max(ledger.tokens, 1)
    own = f"encode.max_length = {encoder.max_length} with truncate = {encoder.settings.truncate}"
    parts = [
        f"{length}: {found['rows']:.1%} of rows, {found['tokens']:.1%} of tokens" for length, found in figures.items()
    ]
    sentence = (
        f"{own} leaves out {share:.1%} of the tokens of {ledger.rows_cut:,} rows; the longest row has "
        f"{int(tokens.max(initial=0)):,} tokens. Beyond {'; '.join(parts)}"
    )
    longest = [
        (int(size), row)
        for rows, encoded in splits.values()
        for size, seen, row in zip(encoded.tokens, encoded.seen, rows, strict=True)
        if seen < size
    ]
    longest.sort(key=lambda item: -item[0])
    places = [f"{row.where}: {size:,} tokens" for size, row in longest[:SHOWN]]
    facts: dict[str, Any] = {"lengths": figures, "unseen": share, "longest": int(tokens.max(initial=0))}
    if share <= MUCH_UNSEEN:
        return Finding("length", "good", ledger.rows_cut, sentence, places, figures=facts)
    advice = "a larger encode.max_length, or --set encode.truncate=windows"
    return Finding("length", "warning", ledger.rows_cut, sentence, places, advice, facts)


def unknown(splits: Splits, encoder: Encoder, adapter: Adapter, *, words: bool = True) -> Finding:
    """Return how many tokens stand for anything that the vocabulary has no token for.

    Args:
        splits: Rows with their windows.
        encoder: Tokenizer and limits.
        adapter: Says which columns hold text.
        words: Whether to tokenise such rows again, to tell which words they are.
    """
    check = "unknown tokens"
    if (token := unknown_id(encoder)) is None:
        return Finding(check, "good", 0, "the tokenizer has a token for every character")
    total = met = 0
    rows: dict[int, Example] = {}
    for examples, encoded in splits.values():
        for window in encoded.windows:
            times = int(np.count_nonzero(window.input_ids == token))
            met, total = met + times, total + window.input_ids.size
            if times:
                rows.setdefault(id(examples[window.row]), examples[window.row])
    share = met / max(total, 1)
    common = _words(list(rows.values())[:ROWS_READ_AGAIN], encoder, adapter, token) if words and rows else Counter()
    figures = {"share": share, "rows": len(rows), "words": dict(common.most_common(20))}
    if not met:
        return Finding(check, "good", 0, "every word has tokens of its own", figures=figures)
    sentence = f"{met:,} of {total:,} tokens in windows ({share:.2%}), in {len(rows):,} rows, are unknown words"
    if common:
        listed = ", ".join(f"{_visible(word)} {times:,}" for word, times in common.most_common(SHOWN))
        sentence += f"; most frequent: {listed}"
    places = [spot(row, _text(row, adapter)) for row in list(rows.values())[:SHOWN]]
    if share <= MUCH_UNKNOWN:
        return Finding(check, "good", met, sentence, places, figures=figures)
    return Finding(check, "warning", met, sentence, places, "a checkpoint whose vocabulary has them", figures)


def unknown_id(encoder: Encoder) -> int | None:
    """Return the id of the token for what is not in the vocabulary; None: there is none."""
    # Unigram models tell it in their JSON alone.
    model = json.loads(encoder.tokenizer.to_str())["model"]
    if model.get("byte_fallback"):
        return None
    name = model.get("unk_token")
    found = encoder.tokenizer.token_to_id(name) if name else model.get("unk_id")
    return None if found is None else int(found)


def _beyond(tokens: np.ndarray, room: int) -> dict[str, float]:
    over = np.maximum(tokens - room, 0)
    return {
        "rows": float((over > 0).mean()) if tokens.size else 0.0,
        "tokens": float(over.sum() / max(tokens.sum(), 1)),
    }


def _words(rows: Sequence[Example], encoder: Encoder, adapter: Adapter, token: int) -> Counter[str]:
    texts = [text for row in rows for text in texts_of(row, roles_of_text(adapter))]
    found: Counter[str] = Counter()
    for text, (ids, offsets) in zip(texts, encoder.ids_and_offsets(texts), strict=True):
        found.update(text[start:end] for start, end in offsets[ids == token].tolist())
    return found


def _visible(word: str) -> str:
    # Escapes show what has no shape, such as a zero-width space.
    return brief(word) if word.isprintable() else json.dumps(word)


def _text(row: Example, adapter: Adapter) -> str:
    return texts_of(row, roles_of_text(adapter))[0]
