from __future__ import annotations

import json

import pytest

from bertkit.data.tables import open_table
from bertkit.data.writers import create_table
from bertkit.errors import DataError
from bertkit.recipe.schema import ReadSettings


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(*lines):
        (tmp_path / "rows.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return "rows.jsonl"

    return write


def test_read_jsonl_keeps_native_values(write):
    values = {
        "text": "x\u2028y\x85z",
        "n": 3,
        "f": 0.5,
        "yes": True,
        "none": None,
        "tags": ["a", "b"],
        "d": {"k": 1},
    }
    with open_table(write(json.dumps(values, ensure_ascii=False))) as table:
        assert table.columns == list(values)
        assert [row.values for row in table] == [values]


def test_read_jsonl_lines_and_blank_lines(write):
    with open_table(write("", '{"a": 1}\r', "   ", '{"a": 2}')) as table:
        assert [(row.line, row.values["a"]) for row in table] == [(2, 1), (4, 2)]


def test_read_jsonl_missing_key_is_none_and_order_is_that_of_the_first_row(write):
    with open_table(write('{"a": 1, "b": 2}', '{"b": 3}', '{"b": 4, "a": 5}')) as table:
        assert [list(row.values.items()) for row in table] == [
            [("a", 1), ("b", 2)],
            [("a", None), ("b", 3)],
            [("a", 5), ("b", 4)],
        ]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{"a": 1', "not valid JSON: Expecting ',' delimiter (character 8)"),
        ('["a"]', "not valid JSON: an object was expected"),
        ('"a"', "not valid JSON: an object was expected"),
        ('{"a": NaN}', "not valid JSON: NaN is no JSON number"),
        ('{"a": [-Infinity]}', "not valid JSON: -Infinity is no JSON number"),
        ('{"a": 1, "a": 2}', 'not valid JSON: key "a" appears twice'),
        ('{"a": {"b": 1, "b": 2}}', 'not valid JSON: key "b" appears twice'),
        ('{"a": "\\ud83d"}', "'\\ud83d' is half of a character"),
        ('{"a": "ok", "b\\udc00": 1}', "'\\udc00' is half of a character"),
        ('{"a": [{"b": "x\\ude00"}]}', "'\\ude00' is half of a character"),
        ('{"a": 1e999}', "not valid JSON: 1e999 is too large a number"),
        ("[" * 100_000, "not valid JSON: nested deeper than 64"),
        ('{"a": ' + "[" * 64 + "]" * 64 + "}", "nested deeper than 64"),
    ],
)
def test_read_jsonl_bad_row(write, line, problem):
    path = write('{"a": 0}', line, '{"a": 1}')
    with open_table(path) as table, pytest.raises(DataError) as caught:
        list(table)
    assert caught.value.message == f"rows.jsonl:2: {problem}"
    assert caught.value.hint
    with open_table(path, ReadSettings(on_bad_row="skip")) as table:
        assert [row.line for row in table] == [1, 3]
    assert table.rejects.examples == [f"rows.jsonl:2: {problem}"]


def test_jsonl_keeps_keys_that_the_first_row_lacks(write, tmp_path):
    path = write('{"a": 0}', '{"x": 2, "a": 1}')
    with open_table(path) as table:
        assert table.columns == ["a"]
        with create_table(tmp_path / "out.jsonl", table, ["answer"]) as writer:
            writer.write(row.values | {"answer": "yes"} for row in table)
    lines = (tmp_path / "out.jsonl").read_text().splitlines()
    assert lines == ['{"a": 0, "answer": "yes"}', '{"a": 1, "answer": "yes", "x": 2}']


def test_csv_output_names_keys_that_it_cannot_keep(write, tmp_path, caplog):
    path = write('{"a": 0}', '{"x": 2, "a": 1}', '{"y": 2, "a": 1}')
    with open_table(path) as table, create_table(tmp_path / "out.csv", table, []) as writer:
        writer.write(row.values for row in table)
    assert (tmp_path / "out.csv").read_text() == "a\n0\n1\n1\n"
    assert caplog.text.count("is not in the first row") == 1


def test_read_jsonl_whole_surrogate_pair_is_a_character(write):
    with open_table(write('{"a": "\\ud83d\\ude00"}')) as table:
        assert next(iter(table)).values == {"a": "\U0001f600"}


def test_read_jsonl_list_names_the_format_that_reads_it(write):
    with pytest.raises(DataError) as caught:
        open_table(write("[", '{"a": 1}', "]"))
    assert "`--set data.format=json`" in caught.value.hint


@pytest.mark.parametrize("lines", [[""], ["", ""], ["nonsense"]])
def test_read_jsonl_without_usable_row(write, lines):
    with pytest.raises(DataError, match=r"rows\.jsonl is empty"):
        open_table(write(*lines), ReadSettings(on_bad_row="skip"))


def test_write_jsonl_keeps_order_and_characters(write, tmp_path):
    with open_table(write('{"b": "ü", "a": 1}')) as like, create_table("out.jsonl", like, ["p", "q"]) as out:
        out.write([{"a": 1, "q": float("nan"), "b": "ü", "p": [0.5, float("inf")]}, {"a": 2}])
    assert (tmp_path / "out.jsonl").read_text(encoding="utf-8") == (
        '{"b": "ü", "a": 1, "p": [0.5, null], "q": null}\n{"b": null, "a": 2, "p": null, "q": null}\n'
    )


def test_jsonl_rejects_have_their_place_and_are_counted(tmp_path):
    lines = ['{"a": "ü"}', "", '{"a": 1', '{"a": "' + "x" * 50 + '"}', '{"a": "ok"}']
    (tmp_path / "rows.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    rejects = []
    settings = ReadSettings(on_bad_row="skip", max_cell=40)
    with open_table(tmp_path / "rows.jsonl", settings, rejects.append) as table:
        assert [row.values["a"] for row in table] == ["ü", "ok"]
    starts = [len("\n".join(lines[:count]).encode()) + 1 for count in (2, 3)]
    assert [(reject.line, reject.byte, reject.column) for reject in rejects] == [
        (3, starts[0], None),
        (4, starts[1], "a"),
    ]
    assert (table.rows_read, table.blank, table.rejects.count) == (2, 1, 2)


def test_jsonl_rejects_before_the_first_good_row_are_heard(tmp_path):
    (tmp_path / "rows.jsonl").write_text('x\n{"a": 1}\n')
    rejects = []
    with open_table(tmp_path / "rows.jsonl", ReadSettings(on_bad_row="skip"), rejects.append) as table:
        assert len(list(table)) == 1
    assert [reject.line for reject in rejects] == [1]
