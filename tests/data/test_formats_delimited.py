from __future__ import annotations

import csv
import logging

import pytest

from bertkit.data.tables import open_table
from bertkit.data.writers import create_table
from bertkit.errors import DataError
from bertkit.recipe.schema import ReadSettings


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes a file in the working folder, so that messages hold its bare name."""
    monkeypatch.chdir(tmp_path)

    def write(name, content):
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return name

    return write


def read(path, **settings):
    with open_table(path, ReadSettings(**settings)) as table:
        return table.columns, [(row.line, list(row.values.values())) for row in table]


def failure(path, **settings):
    with pytest.raises(DataError) as caught:
        read(path, **settings)
    return caught.value


def test_read_csv_keeps_every_cell_as_text(write):
    path = write("a.csv", 'text,x\nNA,null\n007,True\n"",  padded \n1e5,nan\n')
    assert read(path)[1] == [
        (2, ["NA", "null"]),
        (3, ["007", "True"]),
        (4, ["", "  padded "]),
        (5, ["1e5", "nan"]),
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_read_csv_line_ends(write, end):
    path = write("a.csv", end.join(["text,label", "a,1", '"b', 'c",2', "d,3"]))
    assert read(path) == (["text", "label"], [(2, ["a", "1"]), (3, [f"b{end}c", "2"]), (5, ["d", "3"])])


@pytest.mark.parametrize("character", ["\x85", "\u2028", "\x0b", "\x0c", "\x1c"])
@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
def test_read_characters_that_splitlines_would_break(write, name, character):
    delimiter = "," if name == "a.csv" else "\t"
    path = write(name, f"text{delimiter}label\nbefore{character}after{delimiter}1\n")
    assert read(path)[1] == [(2, [f"before{character}after", "1"])]


@pytest.mark.parametrize(("row", "fields"), [("a,b,c,d", "4 fields"), ("a", "1 field"), ("a,b,c,", "4 fields")])
def test_read_csv_wrong_number_of_fields(write, row, fields):
    path = write("train.csv", f"a,b,c\n1,2,3\n{row}\n4,5,6\n")
    error = failure(path)
    assert error.message == f"train.csv:3: {fields}, the header has 3: a, b, c"
    assert "`--set data.on_bad_row=skip`" in error.hint


def test_read_csv_wrong_number_of_fields_after_embedded_newlines(write):
    path = write("a.csv", 'a,b\n"x\ny\nz",1\n1,2,3\n')
    assert failure(path).message.startswith("a.csv:5: 3 fields")


def test_read_csv_skip_counts_bad_rows_and_keeps_five_examples(write):
    path = write("a.csv", "a,b\n" + "1\n" * 7 + "x,y\n" + 'x,"y"z\n')
    with open_table(path, ReadSettings(on_bad_row="skip")) as table:
        assert [row.line for row in table] == [9]
    assert table.rejects.count == 8
    assert table.rejects.examples == [f"a.csv:{line}: 1 field, the header has 2: a, b" for line in range(2, 7)]


def test_read_csv_trailing_delimiter_is_a_field(write):
    with open_table(write("a.csv", "a,b,\n1,2,\n")) as table:
        assert [row.values for row in table] == [{"a": "1", "b": "2", "": ""}]


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_read_csv_takes_the_only_delimiter_of_the_header_and_says_so(write, delimiter, caplog):
    caplog.set_level("INFO", "bertkit")
    text = f'text{delimiter}label\n"a, b"{delimiter}1\n'
    with open_table(write("a.csv", text)) as table:
        assert [row.values for row in table] == [{"text": "a, b", "label": "1"}]
    assert "the header is separated by" in caplog.text


def test_read_csv_keeps_commas_where_the_header_has_both(write, caplog):
    caplog.set_level("INFO", "bertkit")
    with open_table(write("a.csv", '"a;b",c\n1,2\n')) as table:
        assert table.columns == ["a;b", "c"]
    assert not caplog.text


def test_read_csv_index_column_is_not_guessed(write):
    assert "3 fields, the header has 2" in failure(write("a.csv", "a,b\n0,1,2\n")).message


@pytest.mark.parametrize("policy", ["stop", "skip"])
def test_read_csv_unclosed_quote_names_the_line_where_it_began(write, policy):
    path = write("a.csv", 'a,b\n1,2\n3,"four\n5,6\n7,8\n')
    error = failure(path, on_bad_row=policy)
    assert error.message == "a.csv:3: a quote is opened here and never closed"
    assert "--set data.quoting=none" in error.hint


@pytest.mark.parametrize("policy", ["stop", "skip"])
def test_read_csv_quote_that_swallows_rows_is_never_skipped(write, policy):
    path = write("a.csv", 'a,b\n3,"four\n5,6\n7,"eight"\n')
    assert "a.csv:2: broken cell" in (message := failure(path, on_bad_row=policy).message)
    assert "seen on line 4" in message


def test_read_csv_quoting_none_takes_quotes_as_text(write):
    path = write("a.csv", 'a,b\n3,"four\n"5",6\n')
    assert read(path, quoting="none")[1] == [(2, ["3", '"four']), (3, ['"5"', "6"])]


def test_read_csv_nul_byte(write):
    path = write("a.csv", b"a,b\n1,2\n3\0,4\n5,6\n")
    error = failure(path)
    assert error.message == "a.csv:3: there is a NUL byte, which text never holds"
    assert "the file is damaged there" in error.hint
    assert read(path, on_bad_row="skip")[1] == [(2, ["1", "2"]), (4, ["5", "6"])]


def test_read_csv_long_cell(write):
    text = "x" * 1_000_000
    assert read(write("a.csv", f"a,b\n{text},1\n"))[1] == [(2, [text, "1"])]


def test_read_csv_cell_over_the_limit(write):
    path = write("a.csv", "a,b\n" + "x" * (16 * 2**20 + 1) + ",1\nx,2\n")
    error = failure(path)
    assert error.message == f"a.csv:2: a cell of more than {2**24} characters"
    assert "--set data.max_cell" in error.hint
    assert read(path, on_bad_row="skip")[1] == [(3, ["x", "2"])]


def test_read_csv_delimiter(write):
    path = write("a.csv", 'a;b\n1,5;"x;y"\n')
    assert read(path, delimiter=";") == (["a", "b"], [(2, ["1,5", "x;y"])])


def test_read_csv_names_for_a_file_without_header(write):
    path = write("a.tsv", "good\t1\nbad\t0\textra\n")
    with open_table(path, ReadSettings(names=("text", "label"), on_bad_row="skip")) as table:
        assert [(row.line, row.values) for row in table] == [(1, {"text": "good", "label": "1"})]
    assert table.rejects.examples == ["a.tsv:2: 3 fields, data.names has 2: text, label"]


def test_read_csv_blank_lines_are_passed_over(write):
    assert read(write("a.csv", "\na,b\n\n1,2\n\r\n3,4\n\n")) == (
        ["a", "b"],
        [(4, ["1", "2"]), (6, ["3", "4"])],
    )


def test_read_csv_blank_line_in_one_column_is_an_empty_cell(write):
    assert read(write("a.csv", "text\nx\n\ny\n"))[1] == [(2, ["x"]), (3, [""]), (4, ["y"])]


@pytest.mark.parametrize("content", ["", "\n\n", b"\xef\xbb\xbf"])
def test_read_csv_empty_file(write, content):
    assert failure(write("a.csv", content)).message == "a.csv is empty: its first line should name the columns."


@pytest.mark.parametrize("content", ["a,b", "a,b\n", "a,b\r\n\r\n"])
def test_read_csv_header_only_is_a_table_without_rows(write, content):
    assert read(write("a.csv", content)) == (["a", "b"], [])


def test_read_tsv_loose_quotes_are_text(write, caplog):
    path = write("a.tsv", 'text\tlabel\nsay "hi\t1\n"never closed\t0\n"Yes," he said, "no"\t1\n')
    assert [cells[0] for _, cells in read(path)[1]] == ['say "hi', '"never closed', '"Yes," he said, "no"']
    assert caplog.records == []


def test_read_tsv_wrapped_cells_warn_once(write, caplog):
    path = write("a.tsv", 'text\tlabel\n"one"\t1\n"two ""2"""\t0\n')
    assert [cells[0] for _, cells in read(path)[1]] == ['"one"', '"two ""2"""']
    (record,) = caplog.records
    assert record.name == "bertkit"
    assert record.levelno == logging.WARNING
    assert "a.tsv:2" in record.getMessage()
    assert "--set data.quoting=csv" in record.getMessage()


@pytest.mark.parametrize(("quoting", "first"), [("csv", "one"), ("none", '"one"')])
def test_read_tsv_quoting_as_set_does_not_warn(write, caplog, quoting, first):
    path = write("a.tsv", 'text\tlabel\n"one"\t1\n')
    assert read(path, quoting=quoting)[1] == [(2, [first, "1"])]
    assert caplog.records == []


def rewrite(source, target, rows, added=(), **settings):
    with (
        open_table(source, ReadSettings(**settings)) as like,
        create_table(target, like, added, overwrite=True) as out,
    ):
        out.write(rows)


def test_write_csv_quotes_only_where_needed(write, tmp_path):
    rows = [{"a": "x,y", "b": 'say "hi"'}, {"a": "one\ntwo", "b": "cr\r"}, {"a": " pad ", "b": None}]
    rewrite(write("a.csv", "a,b\n"), "out.csv", rows)
    assert (tmp_path / "out.csv").read_bytes() == b'a,b\n"x,y","say ""hi"""\n"one\ntwo","cr\r"\n pad ,\n'


def test_write_csv_values_that_are_not_text(write, tmp_path):
    rewrite(write("a.csv", "a\n"), "out.csv", [{"a": None, "b": ["x", 1], "c": 0.5}], ["b", "c"])
    assert (tmp_path / "out.csv").read_text() == 'a,b,c\n,"[""x"",1]",0.5\n'


def test_write_csv_keeps_the_delimiter_of_the_input(write, tmp_path):
    rewrite(write("a.csv", "a;b\n1;2\n"), "out.csv", [{"a": "1;2", "b": "3,4"}], delimiter=";")
    assert (tmp_path / "out.csv").read_text() == 'a;b\n"1;2";3,4\n'


def test_write_tsv_without_quoting_turns_tabs_and_line_ends_into_spaces(write, tmp_path, caplog):
    rewrite(write("a.tsv", "a\tb\n"), "out.tsv", [{"a": '"x"', "b": "1\t2\r\n3"}, {"a": "", "b": "\n"}])
    assert (tmp_path / "out.tsv").read_bytes() == b'a\tb\n"x"\t1 2  3\n\t \n'
    assert len(caplog.records) == 1


def test_write_tsv_with_quoting_keeps_tabs(write, tmp_path):
    rewrite(write("a.tsv", "a\tb\n"), "out.tsv", [{"a": "x\ty", "b": "1\n2"}], quoting="csv")
    assert (tmp_path / "out.tsv").read_bytes() == b'a\tb\n"x\ty"\t"1\n2"\n'


def test_write_csv_is_read_alike_by_the_csv_module(write, tmp_path):
    cells = ["", " ", '"', '""', ",", "\r", "\n", "\r\n", "a\rb", "'", "\\", "NA", "\ufeff", "\u2028"]
    rewrite(write("a.csv", "a,b\n"), "out.csv", [{"a": cell, "b": cell} for cell in cells])
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file, strict=True))[1:] == [[cell, cell] for cell in cells]
