"""Names of the columns of CoNLL-U: as its documentation writes them and as rows have them."""

from __future__ import annotations

import re

GLOBAL_COLUMNS = re.compile(r"# *global\.columns *= *(.+)")
COLUMN_OF_FIELD = {
    "ID": "id",
    "FORM": "tokens",
    "LEMMA": "lemma",
    "UPOS": "upos",
    "XPOS": "xpos",
    "FEATS": "feats",
    "HEAD": "head",
    "DEPREL": "deprel",
    "DEPS": "deps",
    "MISC": "misc",
}
FIELD_OF_COLUMN = {column: field for field, column in COLUMN_OF_FIELD.items()}
