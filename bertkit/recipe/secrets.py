"""Tokens of the hub: recognised, so that none is taken from a recipe, shown or written."""

from __future__ import annotations

import os
import re

# Real ones are longer; what is shorter can be the name of a file, such as hf_sentiment.csv.
TOKEN = re.compile(r"\bhf_(?:oauth_[\w.-]{30,}|[A-Za-z0-9]{30,})")
NAMED = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
SHORTEST = 8
REDACTED = "hf_***"


def holds_token(value: object) -> bool:
    """Tell whether a value, or a value in it, looks like a token of the hub."""
    return TOKEN.search(str(value)) is not None


def redacted(text: str) -> str:
    """Return text without tokens: whatever looks like one, and the values of the variables that hold one."""
    for name in NAMED:
        secret = os.environ.get(name, "").strip()
        if len(secret) >= SHORTEST:
            text = text.replace(secret, REDACTED)
    return TOKEN.sub(REDACTED, text)
