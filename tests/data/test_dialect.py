import logging

import pytest

from bertkit.data.columns import check_columns
from bertkit.data.tables import open_table
from bertkit.errors import DataError
from bertkit.recipe.schema import ReadSettings

NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}


@pytest.fixture
def read(tmp_path, monkeypatch):
    """Reads a file of given content in the working folder, so that messages hold its bare name."""
    monkeypatch.chdir(tmp_path)

    def read(name, content, **settings):
        (tmp_path / name).write_text(content, encoding="utf-8", newline="")
        with open_table(name, ReadSettings(**settings)) as table:
            return table, list(table)

    return read


@pytest.mark.parametrize(("name", "quoted"), [("a.csv", False), ("a.csv", True), ("a.tsv", False)])
@pytest.mark.parametrize("delimiter", NAMES)
def test_what_header_and_rows_show_is_taken_and_told(read, caplog, name, delimiter, quoted):
    caplog.set_level(logging.INFO, "bertkit")
    cells = [("text", "label"), ("good", "1"), ("bad", "0")]
    lines = [delimiter.join(f'"{cell}"' if quoted else cell for cell in row) for row in cells]
    table, rows = read(name, "\n".join(lines) + "\n")
    assert [list(row.values.items()) for row in rows] == [
        [("text", text), ("label", label)] for text, label in cells[1:]
    ]
    usual = "," if name == "a.csv" else "\t"
    assert (f"{name}: the header is separated by {NAMES[delimiter]}" in caplog.text) == (delimiter != usual)
    assert table.rows_read == 2


def test_semicolons_with_decimal_commas(read):
    _, rows = read("a.csv", "text;price\ngood;1,5\nbad, really;2,75\n")
    assert [row.values for row in rows] == [{"text": "good", "price": "1,5"}, {"text": "bad, really", "price": "2,75"}]


def test_the_usual_delimiter_wins_where_both_fit(read, caplog):
    caplog.set_level(logging.INFO, "bertkit")
    table, _ = read("a.csv", "a,b;c\n1,2;3\n4,5;6\n")
    assert table.columns == ["a", "b;c"]
    assert not caplog.text


def test_another_delimiter_wins_where_only_that_one_fits(read, caplog):
    caplog.set_level(logging.INFO, "bertkit")
    table, rows = read("a.csv", "title, short;label\n" + "one;1\ntwo;2\nthree, four, five;3\n" * 9)
    assert table.columns == ["title, short", "label"]
    assert len(rows) == 27
    assert "semicolons" in caplog.text


def test_one_column_whose_name_holds_another_delimiter(read):
    table, rows = read("a.csv", "question; in your words\nWho?\nWhy?\n")
    assert table.columns == ["question; in your words"]
    assert len(rows) == 2


def test_rows_that_disagree_are_bad_rows(read):
    with pytest.raises(DataError, match=r"a\.csv:3: 1 field, the header has 2: text, label"):
        read("a.csv", "text,label\none,1\ntwo;2\n")


def test_middle_and_tail_are_looked_at(read):
    """In the head no row shows that the bar of the header is none."""
    long = "x" * 66_000
    table, rows = read("a.csv", f"a|b\n{long}\n" + "plain\n" * 40_000)
    assert table.columns == ["a|b"]
    assert len(rows) == 40_001


def test_quotes_that_wrap_all_cells_of_a_tsv_are_taken_off_and_it_is_told(read, caplog):
    caplog.set_level(logging.INFO, "bertkit")
    _, rows = read("a.tsv", '"text"\t"label"\n"say ""hi"""\t"1"\nplain\t0\n')
    assert [row.values["text"] for row in rows] == ['say "hi"', "plain"]
    assert "a.tsv: the cells of the file are wrapped in quotes, which are taken off" in caplog.text


def test_quotes_that_do_not_wrap_all_cells_of_a_tsv_stay(read):
    table, rows = read("a.tsv", '"text"\t"label"\n"Yes," he said\t1\n')
    assert table.columns == ['"text"', '"label"']
    assert rows[0].values['"text"'] == '"Yes," he said'


def test_a_header_with_a_second_mark(read):
    table, _ = read("a.csv", '\ufeff"\ufefftext",label\na,1\n')
    assert table.columns == ["text", "label"]


def test_names_that_differ_in_blanks_only(read):
    with pytest.raises(DataError, match='the header has the column "text" twice'):
        read("a.csv", "text,text \na,b\n")


def test_blank_lines_are_counted_and_told(read, caplog):
    caplog.set_level(logging.INFO, "bertkit")
    table, _ = read("a.csv", "a,b\n\n1,2\n\n\n3,4\n")
    assert (table.rows_read, table.blank) == (2, 3)
    assert "a.csv: 2 rows read, 3 blank lines passed over" in caplog.text


def test_max_cell_counts_characters_also_over_several_lines(read):
    content = 'text,label\n"' + "ü\n" * 60 + '",1\nshort,2\n' + "x" * 100 + ",3\n"
    table, rows = read("a.csv", content, max_cell=100, on_bad_row="skip")
    assert [row.values["label"] for row in rows] == ["2", "3"]
    assert table.rejects.examples == ["a.csv:2: a cell of more than 100 characters"]


def test_a_wanted_column_that_another_delimiter_would_show():
    with pytest.raises(DataError) as caught:
        check_columns(["a", "b|text", "c|label"], {"text": "text"}, "a.csv", delimited=True)
    assert '`--set data.delimiter="|"`' in caught.value.hint
