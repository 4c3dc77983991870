"""Whatever is in a file: a reader gives rows, or one error that names the file and says what to do."""

from __future__ import annotations

import gzip
import io
import json
import signal
import zipfile
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bertkit.data.tables import open_table
from bertkit.errors import BertkitError
from bertkit.recipe.schema import ReadSettings
from tests.reliability.sizes import SOAK, size

pytestmark = pytest.mark.soak

SECONDS = 30
SQUAD = {
    "version": "v2.0",
    "data": [
        {
            "title": "T",
            "paragraphs": [
                {
                    "context": "In 1889 the tower was built.",
                    "qas": [
                        {"id": "1", "question": "When?", "answers": [{"text": "1889", "answer_start": 3}]},
                        {"id": "2", "question": "Who?", "answers": [], "is_impossible": True},
                    ],
                }
            ],
        }
    ],
}


def parquet():
    """Returns a small Parquet file with text, numbers, lists, dates and missing values."""
    columns = {
        "text": pa.array(["one", None, "drei ü", ""]),
        "label": pa.array([1, 2, None, 4]),
        "words": pa.array([["a", "b"], [], None, ["c"]]),
        "day": pa.array([0, 1, None, 20_000], pa.date32()),
        "kind": pa.array(["x", "y", "x", "x"]).dictionary_encode(),
    }
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return file.getvalue()


SEEDS = {
    "csv": b'text,label\n"one, ""two""",1\n"three\nfour",2\nfive,6\n',
    "tsv": b'text\tlabel\none "two"\t1\nthree\t2\n',
    "jsonl": b'{"text": "one", "label": [1, {"a": null}]}\n\n{"text": "\\ud83d\\ude00", "label": 2.5}\n',
    "json": b'[{"text": "one", "label": 1},\n {"text": "\\u00fc", "label": null}]\n',
    "squad": json.dumps(SQUAD).encode(),
    "conll": b"-DOCSTART- O\n\nEU B-ORG\nrejects O\n\nGerman B-MISC\n",
    "conllu": b"# text = She sleeps\n1-2\tShe's\t_\t_\t_\t_\t_\t_\t_\t_\n" + b"1\tShe" + b"\t_" * 8 + b"\n\n",
    "parquet": parquet(),
}
NAMES = {"squad": "json"}
# What the formats are made of, what encodings are made of, and what programs have stumbled over.
PIECES = [
    *[b'"', b'""', b",", b";", b"\t", b"|", b"\n", b"\r", b"\r\n", b"\n\n", b" ", b"\\", b"#", b"-DOCSTART-", b"_"],
    *[
        b"{",
        b"}",
        b"[",
        b"]",
        b":",
        b"null",
        b"NaN",
        b"-Infinity",
        b"1e999",
        b"true",
        b"0",
        b"-",
        b'{"a": 1}',
        b"[" * 99,
    ],
    *[
        b'"\\ud800"',
        b'"\\udc00\\ud800"',
        b'"\\u0000"',
        b'"a"',
        b'"text"',
        b'"data"',
        b'"paragraphs"',
        b'"qas"',
        b'"answers"',
    ],
    *[b"\0", b"\x1a", b"\x1c", b"\x85", b"\xc2\x85", b"\xe2\x80\xa8", b"\x0b", b"\x0c", b"\xef\xbb\xbf", b"\xff\xfe"],
    *[
        b"\xfe\xff",
        b"\xff\xfe\0\0",
        b"\xe9",
        b"\xc3",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\xf0\x9f\x98\x80",
        b"\xff",
    ],
    *[b"NA", b"007", b"a", b"text", b"label", b"PAR1", b"x" * 70, b"1-2\t", b"8.1\t", b"# global.columns = ID FORM\n"],
    *[b"\x1f\x8b", b"PK\x03\x04", b"\x15", b"\x19\x3c", b"\x7f\xff\xff\xff"],
]


@st.composite
def damaged(draw, seed):
    """Draws a valid file with some of its bytes changed, taken out, repeated or added."""
    data = bytearray(seed)
    for _ in range(draw(st.integers(0, 6))):
        start = draw(st.integers(0, len(data)))
        stop = min(len(data), start + draw(st.integers(0, 12)))
        new = draw(st.one_of(st.sampled_from(PIECES), st.binary(max_size=4), st.just(bytes(data[start:stop]) * 2)))
        data[start:stop] = new
    return bytes(data)


def contents(kind):
    """Draws bytes that are nearly, partly or not at all of a format."""
    made_up = st.lists(st.sampled_from(PIECES), max_size=30).map(b"".join)
    table = st.tuples(st.just(SEEDS[kind]), made_up).map(b"".join)
    return damaged(SEEDS[kind]) | table | made_up | st.binary(max_size=60)


READING = st.builds(
    ReadSettings,
    encoding=st.sampled_from(
        [None, None, None, "utf-8", "utf-16", "cp1252", "utf-7", "shift_jis", "raw_unicode_escape"]
    ),
    delimiter=st.sampled_from([None, None, ",", ";", " ", "x", "ü"]),
    quoting=st.sampled_from([None, None, "csv", "none"]),
    names=st.sampled_from([None, None, None, ("text", "label"), ("a", "a"), ("text",)]),
    max_cell=st.sampled_from([2**24, 2**24, 64, 3]),
    on_bad_row=st.sampled_from(["stop", "skip"]),
)


@contextmanager
def no_hang():
    def end(*_):
        raise AssertionError(f"not done after {SECONDS} seconds")

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in [*value, *value.values()]:
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)


def check(path, reading):
    """Read a file, and hold what comes of it against what readers promise."""
    rejects = []
    last = 0
    try:
        with open_table(path, reading, rejects.append) as table:
            for row in table:
                assert row.line > last
                last = row.line
                assert set(table.columns) <= set(row.values)
                for text in strings(list(row.values.values())):
                    text.encode()
                    assert len(text) <= reading.max_cell
            assert table.rejects.count == len(rejects)
            assert not rejects or reading.on_bad_row == "skip"
    except BertkitError as error:
        check_error(error, path)
    size = len(path.read_bytes())
    assert all(reject.byte is None or 0 <= reject.byte <= size for reject in rejects)
    assert all(reject.line > 0 and reject.reason for reject in rejects)


def check_error(error, path):
    assert path.name in error.message or error.message.startswith("data.")
    assert error.hint


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


@pytest.mark.parametrize("kind", SEEDS)
def test_a_reader_gives_rows_or_a_placed_error(folder, kind):
    path = folder / f"a.{NAMES.get(kind, kind)}"

    @settings(
        max_examples=size(500, 20_000),
        derandomize=not SOAK,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(contents(kind), READING)
    def run(content, reading):
        path.write_bytes(content)
        with no_hang():
            check(path, reading)

    run()


@pytest.mark.parametrize("suffix", ["gz", "zip"])
def test_a_packed_file_gives_rows_or_an_error(folder, suffix):
    path = folder / f"a.csv.{suffix}"
    packed = gzip.compress(SEEDS["csv"] * 9) if suffix == "gz" else zipped(SEEDS["csv"] * 9)

    @settings(
        max_examples=size(500, 20_000),
        derandomize=not SOAK,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(damaged(packed), st.sampled_from(["stop", "skip"]))
    def run(content, on_bad_row):
        path.write_bytes(content)
        with no_hang():
            check_packed(path, ReadSettings(on_bad_row=on_bad_row))

    run()


def check_packed(path, reading):
    try:
        with open_table(path, reading) as table:
            list(table)
    except BertkitError as error:
        check_error(error, path)


def zipped(content):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", content)
    return file.getvalue()


# A good row, and rows that are bad in one way each, by format.
LINES = {
    "csv": (b"good,1", [b"a,b,c", b"a", b"a\0,1", b"caf\xe9,1", b"\xed\xa0\x80,1", b'"a" b,1', b"x" * 101 + b",1"]),
    "tsv": (b"good\t1", [b"a\tb\tc", b"a", b"a\0\t1", b"caf\xe9\t1", b"x" * 101 + b"\t1"]),
    "jsonl": (
        b'{"a": "good"}',
        [b'{"a": 1', b"[]", b'{"a": NaN}', b'{"a": "\\ud800"}', b'{"a": "\xe9"}', b"[" * 99, b'{"a": 1, "a": 2}'],
    ),
}
HEADERS = {"csv": b"text,label\n", "tsv": b"text\tlabel\n", "jsonl": b'{"a": "first"}\n'}


@pytest.mark.parametrize("kind", LINES)
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_good_and_rejected_rows_are_all_rows(folder, kind, end):
    path = folder / f"b.{kind}"
    good, bad = LINES[kind]

    @settings(max_examples=size(200, 10_000), derandomize=not SOAK, database=None, deadline=None)
    @given(st.lists(st.none() | st.sampled_from(bad), max_size=40))
    def run(drawn):
        lines = [good if line is None else line for line in drawn]
        path.write_bytes(HEADERS[kind] + b"".join(line + end for line in lines))
        rejects = []
        with open_table(path, ReadSettings(on_bad_row="skip", max_cell=100), rejects.append) as table:
            rows = [row.line for row in table if row.line > 1]
        starts = {
            2 + index: len(HEADERS[kind] + b"".join(line + end for line in lines[:index]))
            for index in range(len(lines))
        }
        assert rows == [line for line in starts if drawn[line - 2] is None]
        assert [(reject.line, reject.byte) for reject in rejects] == [
            (line, byte) for line, byte in starts.items() if drawn[line - 2] is not None
        ]

    run()
