"""What is written is what is read: read(write(x)) == x for every format, and exactly what a format cannot hold."""

from __future__ import annotations

import json
import math
import os
import re
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bertkit.data.tables import open_table
from bertkit.data.writers import create_table
from bertkit.errors import DataError
from bertkit.recipe.schema import ReadSettings
from tests.reliability.sizes import SOAK, size

pytestmark = pytest.mark.soak

EVERY = settings(
    max_examples=size(500, 10_000),
    derandomize=not SOAK,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
# Text that programs have stumbled over, beside any other: all characters but surrogates, which are none.
AWKWARD = st.sampled_from(
    [
        *'\t\n\r\x0b\x1c\x85\u2028\ufeff"\\ ,;#😀',
        *[
            "",
            '""',
            "\r\n",
            "NA",
            "null",
            "None",
            "True",
            "007",
            "1.50",
            "1e5",
            "-0",
            "=1",
            "[1]",
            "{",
            "e\u0301",
            "a" * 99,
        ],
    ]
)
ANY_TEXT = st.text(max_size=20) | st.lists(AWKWARD, max_size=5).map("".join)
# A NUL is refused by readers of lines.
TEXT = ANY_TEXT.map(lambda text: text.replace("\0", ""))
NAME = TEXT.filter(str.strip)


@st.composite
def tables(draw, cells, names=NAME):
    """Draws rows with the same columns."""
    columns = draw(st.lists(names, min_size=1, max_size=4, unique_by=str.strip))
    return columns, draw(st.lists(st.fixed_dictionaries(dict.fromkeys(columns, cells)), max_size=5))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    # What is on the disk after a loss of power is not asked here, and waiting for it takes most of the time.
    with mock.patch.object(os, "fsync"):
        yield tmp_path_factory.mktemp("round")


def write(folder, name, columns, rows, **reading):
    """Write rows under columns of the same names, in two pieces."""
    like = folder / "like.jsonl"
    like.write_text(json.dumps(dict.fromkeys(columns)) + "\n", encoding="utf-8")
    if reading:
        like = folder / f"like{(folder / name).suffix}"
        like.write_text(reading["delimiter"].join(columns) + "\n", encoding="utf-8")
    half = len(rows) // 2
    with (
        open_table(like, ReadSettings(**reading)) as table,
        create_table(folder / name, table, [], overwrite=True) as output,
    ):
        output.write(rows[:half])
        output.write(rows[half:])
    return folder / name


def read(path, **reading):
    with open_table(path, ReadSettings(**reading)) as table:
        return table.columns, [row.values for row in table]


def test_csv(folder):
    # Names as well as cells: quotes hold everything. A byte order mark in front of the first name is one of the file.
    @EVERY
    @given(tables(TEXT, NAME.filter(lambda name: not name.startswith("\ufeff"))), st.sampled_from(["", ".gz"]))
    def run(table, gz):
        columns, rows = table
        path = write(folder, f"a.csv{gz}", columns, rows)
        # Said here because a lone column whose name holds a semicolon looks like two.
        assert read(path, delimiter=",") == (columns, rows)

    run()


def test_csv_whose_delimiter_is_recognised(folder):
    names = st.text("abc xyz", min_size=1).filter(str.strip)

    @EVERY
    @given(tables(TEXT, names).filter(lambda table: len(table[0]) > 1), st.sampled_from(",;|\t"))
    def run(table, delimiter):
        columns, rows = table
        path = write(folder, "a.csv", columns, rows, delimiter=delimiter)
        assert read(path) == (columns, rows)

    run()


def test_tsv_with_quotes(folder):
    names = st.text("abc xyz", min_size=1).filter(str.strip)

    @EVERY
    @given(tables(TEXT, names))
    def run(table):
        columns, rows = table
        path = write(folder, "a.tsv", columns, rows, delimiter="\t", quoting="csv")
        assert read(path, delimiter="\t", quoting="csv") == (columns, rows)

    run()


def test_tsv_without_quotes_holds_all_but_tabs_and_line_ends(folder):
    names = st.text("abc xyz", min_size=1).filter(str.strip)

    @EVERY
    @given(tables(TEXT, names))
    def run(table):
        columns, rows = table
        path = write(folder, "a.tsv", columns, rows)
        assert read(path) == (
            columns,
            [{name: re.sub("[\t\r\n]", " ", cell) for name, cell in row.items()} for row in rows],
        )

    run()


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.conll"])
def test_readers_of_lines_hold_no_nul(folder, name):
    (folder / name).write_bytes(b"a\0b\n")
    with pytest.raises(DataError, match="NUL"):
        read(folder / name)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=4,
)


@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
def test_json(folder, name):
    @EVERY
    @given(tables(VALUES, ANY_TEXT).filter(lambda table: table[1]))
    def run(table):
        columns, rows = table
        found, back = read(write(folder, name, columns, rows))
        assert found == columns
        # As text, which tells 1 from 1.0 and True.
        assert json.dumps(back, sort_keys=True) == json.dumps(rows, sort_keys=True)

    run()


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_json_holds_no_such_number(folder, number):
    assert read(write(folder, "a.jsonl", ["a"], [{"a": number}])) == (["a"], [{"a": None}])


COLUMN = st.sampled_from(
    [
        ANY_TEXT,
        st.integers(-(2**63), 2**63 - 1),
        st.floats(allow_nan=False),
        st.booleans(),
        st.lists(ANY_TEXT, max_size=3),
        st.lists(st.integers(-(2**63), 2**63 - 1), max_size=3),
    ]
)


@st.composite
def typed_tables(draw):
    """Draws rows whose columns have one type each, and missing values."""
    kinds = draw(st.dictionaries(ANY_TEXT, COLUMN, min_size=1, max_size=4))
    columns = list({name.strip(): name for name in kinds}.values())
    return columns, draw(
        st.lists(st.fixed_dictionaries({name: st.none() | kinds[name] for name in columns}), max_size=5)
    )


def test_parquet(folder):
    @EVERY
    @given(typed_tables())
    def run(table):
        columns, rows = table
        assert read(write(folder, "a.parquet", columns, rows)) == (columns, rows)

    run()


# A word has a visible character and nothing that ends or divides it, and the first one begins with no byte order mark.
WORD = ANY_TEXT.map(lambda text: re.sub("[\0\t\r\n \ufeff]", "", text)).filter(bool)
WORD = WORD.filter(lambda word: not word.startswith("-DOCSTART-"))


@pytest.mark.parametrize("name", ["a.conll", "a.conllup"])
def test_conll(folder, name):
    sentences = st.lists(st.lists(st.tuples(WORD, WORD), min_size=1, max_size=5), min_size=1, max_size=5)

    @EVERY
    @given(sentences)
    def run(sentences):
        rows = [dict(zip(("tokens", "tags"), map(list, zip(*words, strict=True)), strict=True)) for words in sentences]
        path = write(folder, name, ["tokens", "tags"], rows)
        columns, found = read(path)
        assert columns[-2:] == ["tokens", "tags"]
        assert [{column: row[column] for column in columns[-2:]} for row in found] == rows

    run()


@pytest.mark.parametrize("cell", ["a b", "a\tb", "a\nb"])
def test_conll_holds_no_white_space_but_blanks(folder, cell):
    path = write(folder, "a.conll", ["tokens", "tags"], [{"tokens": ["x", "y"], "tags": [cell, "O"]}])
    assert read(path)[1] == [{"tokens": ["x", "y"], "tags": ["a b", "O"]}]
