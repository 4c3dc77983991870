from __future__ import annotations

import codecs
import errno
import gzip
import io
import json
import os
import random
import subprocess
import sys

import pytest

from bertkit.data.formats import formats
from bertkit.data.tables import as_text, open_table
from bertkit.data.writers import create_table
from bertkit.errors import DataError, MachineError, UsageError
from bertkit.recipe.schema import ReadSettings

PIECES = [
    *[
        "",
        " ",
        '"',
        '""',
        ",",
        ";",
        "\t",
        "\n",
        "\r\n",
        "\r",
        "\x85",
        "\u2028",
        "\\",
        "'",
        "|",
        "#",
        "\ufeff",
    ],
    *[
        "NA",
        "null",
        "None",
        "True",
        "007",
        "1.50",
        "1e5",
        "-0",
        "{",
        "[1]",
        "ü",
        "ß",
        "漢字",
        "😀",
        "e\u0301",
        "a" * 99,
    ],
]


QUESTIONS = '{"context": "C", "qas": [{"id": 1, "question": "Q"}]}'


@pytest.fixture(autouse=True)
def _in_tmp_path(tmp_path, monkeypatch):
    """Relative names make the messages short."""
    monkeypatch.chdir(tmp_path)


def put(tmp_path, name, content):
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return name


def values(path, **settings):
    with open_table(path, ReadSettings(**settings)) as table:
        return [row.values for row in table]


def pipe_in(monkeypatch, content):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


def pipe_out(monkeypatch):
    stdout = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr(sys, "stdout", stdout)
    return stdout.buffer


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("as is ", "as is "),
        (None, None),
        (True, "true"),
        (False, "false"),
        (3, "3"),
        (3.0, "3.0"),
        (0.1, "0.1"),
        (["ä", 1, None, True], '["ä",1,null,true]'),
        ({"k": [1.5]}, '{"k":[1.5]}'),
        ([b"x"], '["x"]'),
        ("ü".encode(), "ü"),
    ],
)
def test_as_text(value, text):
    assert as_text(value) == text


def random_rows(seed, values):
    rng = random.Random(seed)
    return [{column: values(rng) for column in ("first", "sec ond", "3")} for _ in range(300)]


def text_of(rng):
    return "".join(rng.choices(PIECES, k=rng.randint(0, 6)))


def plain_text_of(rng):
    return text_of(rng).translate(str.maketrans("\t\r\n", "   "))


def json_of(rng, depth=2):
    kinds = [None, True, False, rng.randint(-9, 9), rng.uniform(-1, 1), text_of(rng)]
    if depth:
        kinds += [[json_of(rng, depth - 1) for _ in range(2)], {text_of(rng): json_of(rng, depth - 1)}]
    return rng.choice(kinds)


ROUND_TRIPS = [
    (".csv", text_of, {}),
    (".csv", text_of, {"delimiter": ";"}),
    (".tsv", plain_text_of, {}),
    (".tsv", text_of, {"quoting": "csv"}),
    (".jsonl", json_of, {}),
    (".json", json_of, {}),
    (".parquet", text_of, {}),
]


@pytest.mark.parametrize("gz", ["", ".gz"])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("extension", "kind", "settings"), ROUND_TRIPS)
def test_round_trip_random_cells(tmp_path, extension, kind, settings, seed, gz):
    rows = random_rows(seed, kind)
    if extension in {".csv", ".tsv"}:
        delimiter = settings.get("delimiter", "\t" if extension == ".tsv" else ",")
        source = put(tmp_path, f"like{extension}", delimiter.join(rows[0]) + "\n")
    else:
        source = put(tmp_path, "like.jsonl", json.dumps(rows[0]) + "\n")
    out = f"out{extension}{gz}"
    with open_table(source, ReadSettings(**settings)) as like, create_table(out, like, []) as writer:
        writer.write(rows[:7])
        writer.write(rows[7:])
    assert values(out, **settings) == rows


def test_round_trip_single_column_with_empty_cells(tmp_path):
    for extension in (".csv", ".tsv", ".jsonl"):
        with (
            open_table(put(tmp_path, "like.csv", "a\n")) as like,
            create_table("out" + extension, like, []) as out,
        ):
            out.write([{"a": ""}, {"a": "x"}, {"a": ""}])
        assert [row["a"] for row in values("out" + extension)] == ["", "x", ""]


@pytest.mark.parametrize("target", ["csv", "tsv", "jsonl", "json", "parquet"])
def test_create_table_in_another_format(tmp_path, target):
    source = put(tmp_path, "a.csv", 'text,label\n"a,b",007\n')
    with open_table(source) as table, create_table(f"out.{target}", table, ["score"]) as out:
        out.write(row.values | {"score": "0.5"} for row in table)
    assert values(f"out.{target}") == [{"text": "a,b", "label": "007", "score": "0.5"}]


def test_gz_output_is_the_same_each_time(tmp_path):
    with open_table(put(tmp_path, "a.csv", "a\n1\n")) as like:
        for name in ("x.csv.gz", "y.csv.gz"):
            with create_table(name, like, []) as out:
                out.write([{"a": "1"}])
    assert (tmp_path / "x.csv.gz").read_bytes() == (tmp_path / "y.csv.gz").read_bytes()


@pytest.mark.parametrize("mark", ["", "mark"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_open_table_byte_order_mark_decides(tmp_path, encoding, mark):
    bom = {"utf-8": codecs.BOM_UTF8}.get(encoding) or "\ufeff".encode(encoding)
    text = "text,label\nSchöne Grüße 😀 " + "ऊ" * 20_000 + ",1\n"
    path = put(tmp_path, "a.csv", (bom if mark else b"") + text.encode(encoding))
    settings = {} if mark else {"encoding": encoding}
    assert values(path, **settings) == [{"text": "Schöne Grüße 😀 " + "ऊ" * 20_000, "label": "1"}]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "UTF8"])
def test_open_table_encoding_set_and_mark_there(tmp_path, encoding):
    assert values(put(tmp_path, "a.csv", b"\xef\xbb\xbfa,b\n1,2\n"), encoding=encoding) == [{"a": "1", "b": "2"}]


def test_open_table_encoding_overrides(tmp_path):
    path = put(tmp_path, "a.csv", "text,label\ncafé – 5 €,1\n".encode("cp1252"))
    assert values(path, encoding="cp1252") == [{"text": "café – 5 €", "label": "1"}]


@pytest.mark.parametrize("encoding", ["no-such", "rot13", "hex"])
def test_open_table_unknown_encoding(tmp_path, encoding):
    with pytest.raises(DataError, match=f'"{encoding}" is not an encoding'):
        open_table(put(tmp_path, "a.csv", "a,b\n"), ReadSettings(encoding=encoding))


@pytest.mark.parametrize("gz", [False, True])
@pytest.mark.parametrize("good_lines", [0, 1, 5_000, 60_000])
@pytest.mark.parametrize("width", [1, 30_000])
def test_open_table_undecodable_byte_has_its_place(tmp_path, good_lines, width, gz):
    if width * good_lines > 1_000_000 and width > 1:
        good_lines = 20
    content = b"text,label\n" + "gü,1\n".encode() * good_lines + b"x" * width + b"\xe9 after,1\n" + b"y,2\n" * 9
    path = put(tmp_path, "a.csv.gz" if gz else "a.csv", gzip.compress(content) if gz else content)
    with pytest.raises(DataError) as caught:
        values(path)
    assert caught.value.message == (f"{path}:{good_lines + 2}: byte 0xE9, number {width + 1} of the line, is not UTF-8")
    assert "--set data.on_bad_row=skip" in caught.value.hint


def test_open_table_cut_short_character_at_the_end(tmp_path):
    with pytest.raises(DataError, match=r"a\.csv:2: byte 0xC3, number 4 of the line"):
        values(put(tmp_path, "a.csv", b"a,b\n1,x\xc3"))


def test_open_table_undecodable_utf_16(tmp_path):
    content = "\ufeffa,b\nx,1\n".encode("utf-16-le") + b"\x00\xd8,\x00"
    with pytest.raises(DataError, match=r"a\.csv:3: byte 0x00, .* is not UTF-16-LE"):
        values(put(tmp_path, "a.csv", content))


@pytest.mark.parametrize("damage", [slice(0, -12), slice(0, 12), slice(3, None)])
def test_open_table_damaged_gzip(tmp_path, damage):
    content = gzip.compress(random.Random(0).randbytes(9_000).hex().encode())
    with pytest.raises(DataError, match=r"a\.csv\.gz is not a whole gzip file"):
        values(put(tmp_path, "a.csv.gz", content[damage]))


@pytest.mark.parametrize("name", ["a.CSV", "a.b.csv", "a.Csv.GZ"])
def test_open_table_extension_in_any_case(tmp_path, name):
    content = b"a,b\n1,2\n"
    path = put(tmp_path, name, gzip.compress(content) if name.endswith("GZ") else content)
    with open_table(path) as table:
        assert (table.name, table.format, table.columns) == (name, "csv", ["a", "b"])


def test_open_table_ndjson(tmp_path):
    assert values(put(tmp_path, "a.ndjson", '{"a": 1}')) == [{"a": 1}]


@pytest.mark.parametrize(("name", "extension"), [("a.txt", ".txt"), ("a", ""), ("a.gz", ""), ("a.xlsx.gz", ".xlsx")])
def test_open_table_unknown_extension(tmp_path, name, extension):
    with pytest.raises(DataError) as caught:
        open_table(put(tmp_path, name, gzip.compress(b"a,b\n") if name.endswith(".gz") else "a,b\n"))
    assert caught.value.message == (
        f'{name}: unknown extension "{extension}"; known are .bio, .conll, .conllu, .conllup, '
        ".csv, .iob, .json, .jsonl, .ndjson, .parquet, .tsv, each also with .gz."
    )
    assert "`--set data.format=csv`" in caught.value.hint


def test_open_table_format_overrides_the_extension(tmp_path):
    assert values(put(tmp_path, "a.txt", "a\tb\n1\t2\n"), format="tsv") == [{"a": "1", "b": "2"}]


@pytest.mark.parametrize(
    ("name", "hint"),
    [("CSV", "`--set data.format=csv`"), ("conl", "`--set data.format=conll`"), ("excel", "Name one of these")],
)
def test_open_table_unknown_format(tmp_path, name, hint):
    with pytest.raises(DataError) as caught:
        open_table(put(tmp_path, "a.csv", "a,b\n"), ReadSettings(format=name))
    known = "conll, conllu, csv, json, jsonl, parquet, tsv"
    assert caught.value.message == f'data.format: "{name}" is not a format; known are {known}.'
    assert hint in caught.value.hint


def test_read_settings_describe_every_format():
    described = ReadSettings.model_fields["format"].description
    assert all(name in described for name in formats())


@pytest.mark.parametrize(("name", "hint"), [("tain.csv", "Did you mean train.csv?"), ("no/a.csv", "no folder no")])
def test_open_table_missing_file(tmp_path, name, hint):
    put(tmp_path, "train.csv", "a,b\n")
    with pytest.raises(DataError, match="There is no file") as caught:
        open_table(name)
    assert hint in caught.value.hint


def test_open_table_path_that_holds_a_nul():
    with pytest.raises(DataError, match=r"'a\\x00b\.csv' is no path"):
        open_table("a\0b.csv")


def test_open_table_folder(tmp_path):
    with pytest.raises(DataError, match=r"cannot be read: Is a directory"):
        open_table(tmp_path)


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ('{"a": "1", "b": "2"}\n', "jsonl"),
        ('\n  {"a": "1", "b": "2"}\n', "jsonl"),
        ('[{"a": "1", "b": "2"}]', "json"),
        ('[\n  {\n"a": "1", "b": "2"}]\n', "json"),
        ("a\tb\n1\t2\n", "tsv"),
        ("a,b\n1,2\n", "csv"),
        ("\n\na,b\n1,2\n", "csv"),
        ("a,b\n1,2", "csv"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_open_table_stdin_is_sniffed(monkeypatch, content, name, encoding):
    pipe_in(monkeypatch, content.encode(encoding))
    with open_table("-") as table:
        assert (table.name, table.path, table.format) == ("stdin", None, name)
        assert [row.values for row in table] == [{"a": "1", "b": "2"}]
    assert not sys.stdin.buffer.closed


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ('{"version": "1.1", "data": [{"title": "T", "paragraphs": [' + QUESTIONS + "]}]}", "json"),
        ('{\n "data": [\n  {"paragraphs": [' + QUESTIONS + "]}\n ]\n}\n", "json"),
        ('{"data": ["a"], "b": 1}\n', "jsonl"),
        ("-DOCSTART- -X- O\n\nEU NNP\n", "conll"),
        ("EU NNP I-NP B-ORG\n", "conll"),
        (",\tO\r\nx\tO\r\n", "conll"),
        ("# sent_id = 1\n1" + "\tx" * 9 + "\n", "conllu"),
        ("1" + "\tx" * 9 + "\n", "conllu"),
        ("# id\ttext\n", "tsv"),
        ("word\ttag\nO\tB-ORG\n", "tsv"),
    ],
)
def test_open_table_stdin_is_sniffed_beyond_tables(monkeypatch, content, name):
    pipe_in(monkeypatch, content.encode())
    with open_table("-") as table:
        assert table.format == name


@pytest.mark.parametrize(("header", "name"), [("a\tb,c", "csv"), ("a", "csv"), ("{a}\tb", "jsonl")])
def test_open_table_stdin_sniffed_format_can_be_set(monkeypatch, header, name):
    content = f"{header}\n".encode()
    pipe_in(monkeypatch, content)
    if name == "jsonl":
        with pytest.raises(DataError, match="stdin:1: not valid JSON"):
            open_table("-")
    else:
        assert open_table("-").format == name
    pipe_in(monkeypatch, content)
    assert open_table("-", ReadSettings(format="tsv")).columns == header.split("\t")


def test_stdin_to_stdout_streams_row_by_row():
    program = (
        "from bertkit.data.tables import open_table\nfrom bertkit.data.writers import create_table\n"
        "with open_table('-') as table, create_table('-', table, ['n']) as out:\n"
        "    for row in table: out.write([row.values | {'n': len(row.values['a'])}])\n"
    )
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=pipe,
        stdout=pipe,
        text=True,
        env=os.environ | {"PYTHONPATH": ROOT},
    ) as process:
        for line, answer in [('{"a": "xyz"}', '{"a": "xyz", "n": 3}'), ('{"a": ""}', '{"a": "", "n": 0}')]:
            process.stdin.write(line + "\n")
            process.stdin.flush()
            assert process.stdout.readline() == answer + "\n"
        process.stdin.close()
        assert process.wait(timeout=30) == 0


ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def test_create_table_stdout_in_the_format_of_the_input(tmp_path, monkeypatch):
    buffer = pipe_out(monkeypatch)
    with open_table(put(tmp_path, "a.tsv", "a\tb\n1\t2\n")) as table, create_table("-", table, ["c"]) as out:
        out.write(row.values | {"c": 0.5} for row in table)
    assert buffer.getvalue() == b"a\tb\tc\n1\t2\t0.5\n"


def test_create_table_stdout_stays_open_after_an_error(tmp_path, monkeypatch):
    buffer = pipe_out(monkeypatch)
    with (
        pytest.raises(ZeroDivisionError),
        open_table(put(tmp_path, "a.csv", "a\n")) as like,
        create_table("-", like, []),
    ):
        raise ZeroDivisionError
    assert not buffer.closed


def test_create_table_parquet_on_stdout_is_refused(tmp_path):
    with (
        open_table(put(tmp_path, "a.csv", "a\n")) as like,
        pytest.raises(UsageError, match="Parquet cannot be streamed"),
    ):
        create_table("-", like, [], format="parquet")


@pytest.mark.parametrize("name", ["out.csv", "out.jsonl", "out.json", "out.parquet", "out.csv.gz"])
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_create_table_leaves_nothing_after_an_error(tmp_path, name, error):
    source = put(tmp_path, "a.csv", "a\n")

    def rows():
        yield {"a": "x"}
        assert sorted(os.listdir()) == [source, f"{name}.part"]
        raise error

    with pytest.raises(error), open_table(source) as like, create_table(name, like, []) as out:
        out.write(rows())
    assert os.listdir() == [source]


def test_create_table_error_keeps_the_output_that_was_there(tmp_path):
    put(tmp_path, "out.csv", "old")
    with (
        pytest.raises(ZeroDivisionError),
        open_table(put(tmp_path, "a.csv", "a\n")) as like,
        create_table("out.csv", like, [], overwrite=True) as out,
    ):
        out.write({"a": 1 // number} for number in (1, 0))
    assert (tmp_path / "out.csv").read_text() == "old"
    assert not (tmp_path / "out.csv.part").exists()


def test_create_table_existing_output(tmp_path):
    put(tmp_path, "out.csv", "old")
    with open_table(put(tmp_path, "a.csv", "a\n1\n")) as table:
        with pytest.raises(UsageError, match=r"out\.csv exists already") as caught:
            create_table("out.csv", table, [])
        assert "`--overwrite`" in caught.value.hint
        assert not (tmp_path / "out.csv.part").exists()
        with create_table("out.csv", table, [], overwrite=True) as out:
            out.write(row.values for row in table)
    assert (tmp_path / "out.csv").read_text() == "a\n1\n"


@pytest.mark.parametrize("name", ["a.csv", "link.csv", "../{folder}/a.csv"])
def test_create_table_never_overwrites_its_input(tmp_path, name):
    put(tmp_path, "a.csv", "a\n1\n")
    (tmp_path / "link.csv").symlink_to("a.csv")
    with open_table("a.csv") as like, pytest.raises(UsageError, match="would overwrite the input"):
        create_table(name.format(folder=tmp_path.name), like, [], overwrite=True)
    assert (tmp_path / "a.csv").read_text() == "a\n1\n"


def test_create_table_part_file_that_is_the_input(tmp_path):
    put(tmp_path, "a.csv.part", "a\n1\n")
    with (
        open_table("a.csv.part", ReadSettings(format="csv")) as like,
        pytest.raises(UsageError, match="would overwrite the input"),
    ):
        create_table("a.csv", like, [])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no/folder.csv", "cannot be written: No such file or directory"),
        ("folder.csv", "is not a file"),
        ("/dev/null", "unknown extension"),
        ("out.txt", "unknown extension"),
    ],
)
def test_create_table_output_that_cannot_be(tmp_path, name, message):
    (tmp_path / "folder.csv").mkdir()
    with open_table(put(tmp_path, "a.csv", "a\n")) as like, pytest.raises(UsageError, match=message):
        create_table(name, like, [], overwrite=True)


def test_create_table_device_is_not_replaced(tmp_path):
    with open_table(put(tmp_path, "a.csv", "a\n")) as like, pytest.raises(UsageError, match="is not a file"):
        create_table(os.devnull, like, [], overwrite=True, format="csv")


def test_create_table_added_column_that_is_there(tmp_path):
    with (
        open_table(put(tmp_path, "a.csv", "a,b\n")) as like,
        pytest.raises(DataError, match=r'a\.csv has a column "b" already'),
    ):
        create_table("out.csv", like, ["x", "b"])
    assert os.listdir() == ["a.csv"]


def test_create_table_full_disk(tmp_path):
    def rows():
        yield {"a": "x"}
        raise OSError(errno.ENOSPC, "No space left on device")

    with (
        pytest.raises(MachineError, match=r"out\.csv: the disk is full"),
        open_table(put(tmp_path, "a.csv", "a\n")) as like,
        create_table("out.csv", like, []) as out,
    ):
        out.write(rows())
    assert os.listdir() == ["a.csv"]


@pytest.mark.parametrize(("size", "sizes"), [(1, [1] * 5), (2, [2, 2, 1]), (5, [5]), (9, [5])])
def test_chunks(tmp_path, size, sizes):
    with open_table(put(tmp_path, "a.csv", "a\n" + "x\n" * 5)) as table:
        assert [len(chunk) for chunk in table.chunks(size)] == sizes
        assert list(table) == []


def test_open_table_reads_as_it_goes(tmp_path):
    path = put(tmp_path, "a.csv", "a,b\n" + "x,y\n" * 100_000 + "broken\n")
    with open_table(path) as table:
        assert next(iter(table)).line == 2
        with pytest.raises(DataError, match=r"a\.csv:100002: 1 field"):
            list(table)


def test_tables_import_nothing_heavy():
    program = (
        "import sys, bertkit.data.tables\nfrom bertkit.data.formats import formats\nformats()\n"
        "print(sorted({'torch', 'transformers', 'datasets', 'pyarrow', 'numpy'} & set(sys.modules)))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": ROOT},
    )
    assert answer.stdout.strip() == "[]"
