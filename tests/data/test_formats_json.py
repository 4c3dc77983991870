from __future__ import annotations

import json

import pytest

from bertkit.data.formats import _json
from bertkit.data.tables import Reject, open_table
from bertkit.data.writers import create_table
from bertkit.errors import DataError
from bertkit.recipe.schema import ReadSettings

COLUMNS = ["id", "title", "question", "context", "answers", "is_impossible"]


@pytest.fixture
def put(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def put(document):
        content = document if isinstance(document, str | bytes) else json.dumps(document, ensure_ascii=False)
        (tmp_path / "a.json").write_bytes(content if isinstance(content, bytes) else content.encode())
        return "a.json"

    return put


def rows(path, **settings):
    with open_table(path, ReadSettings(**settings)) as table:
        return [(row.line, row.values) for row in table]


def qa(number, **fields):
    return {"id": f"q{number}", "question": f"Q{number}?"} | fields


def answer(text, start):
    return {"text": text, "answer_start": start}


def squad(*qas, **paragraph):
    return {"version": "1.1", "data": [{"title": "T", "paragraphs": [{"context": "C c", "qas": [*qas]} | paragraph]}]}


def test_read_json_list_keeps_native_values(put):
    values = {"text": "x\u2028y\n", "n": 3, "f": 0.5, "yes": True, "none": None, "tags": ["a"], "d": {"k": 1}}
    assert rows(put([values])) == [(1, values)]


def test_read_json_list_missing_and_new_keys(put):
    with open_table(put([{"a": 1, "b": 2}, {"b": 3, "c": 4}])) as table:
        assert table.columns == ["a", "b"]
        assert [(row.line, row.values) for row in table] == [
            (1, {"a": 1, "b": 2}),
            (2, {"a": None, "b": 3, "c": 4}),
        ]


def test_read_json_list_with_a_bad_row(put):
    path = put([{"a": 1}, ["a"], {"a": 2}])
    with pytest.raises(DataError, match=r"a\.json: row 2 of the list: an object was expected"):
        rows(path)
    with open_table(path, ReadSettings(on_bad_row="skip")) as table:
        assert [row.line for row in table] == [1, 3]
    assert table.rejects.count == 1


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[\n{"a": 1]', "a.json:2: not valid JSON: Expecting ',' delimiter (character 8)"),
        ('[{"a": NaN}]', "a.json: not valid JSON: NaN is no JSON number"),
        ('[{"a": 1, "a": 2}]', 'a.json: not valid JSON: key "a" appears twice'),
        ("[" * 100_000, "a.json: not valid JSON: nested deeper than 64"),
        ('{"a": 1}\n{"a": 2}\n', "a.json:2: not valid JSON: Extra data (character 1)"),
        ('{"a": 1}\n', "a.json: neither a list of objects nor a SQuAD document."),
        ('{"data": {"a": 1}}', "a.json: neither a list of objects nor a SQuAD document."),
        ("3", "a.json: neither a list of objects nor a SQuAD document."),
        ("[]", "a.json is empty: it holds no usable row."),
        ('{"data": []}', "a.json is empty: it holds no usable row."),
    ],
)
def test_read_json_document_that_cannot_be_used(put, text, problem):
    with pytest.raises(DataError) as caught:
        open_table(put(text), ReadSettings(on_bad_row="skip"))
    assert caught.value.message == problem
    assert "`--set data.format=jsonl`" in caught.value.hint


def test_read_json_names_the_second_of_many_keys_by_looking_at_each_once():
    looked = 0

    class Key(str):
        def __eq__(self, other):
            nonlocal looked
            looked += 1
            return super().__eq__(other)

        __hash__ = str.__hash__

    keys = [Key(number) for number in range(1000)]
    with pytest.raises(ValueError, match='key "999" appears twice'):
        _json._unique([(key, 0) for key in [*keys, Key(999)]])
    assert looked < 10 * len(keys)


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        ('"b\\ud83d"', "'\\ud83d' is half of a character"),
        ('["x", {"k\\udc00": 1}]', "'\\udc00' is half of a character"),
        ("[" * 64 + "]" * 64, "nested deeper than 64"),
        ('"' + "x" * 101 + '"', "a cell of more than 100 characters"),
    ],
)
def test_read_json_bad_row_is_passed_over(put, item, problem):
    path = put(f'[{{"a": "1"}}, {{"a": {item}}}, {{"a": "3"}}]')
    with open_table(path, ReadSettings(max_cell=100)) as table, pytest.raises(DataError) as caught:
        list(table)
    assert caught.value.message == f"a.json: row 2: {problem}"
    rejects = []
    with open_table(path, ReadSettings(max_cell=100, on_bad_row="skip"), rejects.append) as table:
        assert [row.values["a"] for row in table] == ["1", "3"]
    assert rejects == [Reject(2, None, "a", problem)]


def test_read_json_undecodable_byte_costs_one_row(put):
    path = put(b'[{"a": "1"},\n{"a": "caf\xe9"},\n{"a": "3"}]')
    with pytest.raises(DataError) as caught:
        open_table(path)
    assert caught.value.message == "a.json:2: byte 0xE9, number 11 of the line, is not UTF-8"
    assert "`--encoding cp1252`" in caught.value.hint
    with open_table(path, ReadSettings(on_bad_row="skip")) as table:
        assert [row.values["a"] for row in table] == ["1", "3"]
    assert table.rejects.count == 1


def test_read_json_label_studio_lifts_data(put):
    task = {"id": 9, "annotations": [{"result": []}], "data": {"text": "x", "id": 1, "data": 2}, "meta": {}}
    ((_, values),) = rows(put([task]))
    assert values == {
        "text": "x",
        "id": 9,
        "annotations": [{"result": []}],
        "meta": {},
        "data": {"id": 1, "data": 2},
    }
    assert rows(put([{"data": {"text": "x"}}])) == [(1, {"text": "x"})]


@pytest.mark.parametrize("values", [{"text": "x", "data": {"a": 1}}, {"data": "x"}, {"data": "x", "annotations": []}])
def test_read_json_key_data_of_other_rows_stays(put, values):
    assert rows(put([values])) == [(1, values)]


def test_read_squad_gives_a_row_a_question(put):
    document = {
        "version": "v2.0",
        "data": [
            {
                "title": "Überschrift",
                "paragraphs": [
                    {
                        "context": "Rom ist alt.",
                        "qas": [
                            qa(1, answers=[answer("Rom", 0), answer("alt", 8)], is_impossible=False),
                            qa(2, answers=[], is_impossible=True, plausible_answers=[answer("Rom", 0)]),
                        ],
                    }
                ],
            },
            {"paragraphs": [{"context": "北京很大", "qas": [qa(3, answers=[answer("北京", 0)])]}]},
        ],
    }
    with open_table(put(document)) as table:
        assert table.columns == COLUMNS
        found = list(table)
    assert [row.line for row in found] == [1, 2, 3]
    assert [list(row.values.values()) for row in found] == [
        ["q1", "Überschrift", "Q1?", "Rom ist alt.", {"text": ["Rom", "alt"], "answer_start": [0, 8]}, False],
        ["q2", "Überschrift", "Q2?", "Rom ist alt.", {"text": [], "answer_start": []}, True],
        ["q3", None, "Q3?", "北京很大", {"text": ["北京"], "answer_start": [0]}, None],
    ]


@pytest.mark.parametrize(
    ("questions", "known"),
    [
        ([qa(1), qa(2)], [False, False]),
        ([qa(1, answers=[]), qa(2, answers=[])], [False, False]),
        ([qa(1, answers=[]), qa(2, answers=[answer("C", 0)])], [True, True]),
        ([qa(1), qa(2, answers=[answer("C", 0)])], [False, True]),
        ([qa(1, answers=[], is_impossible=True), qa(2, answers=[], is_impossible=True)], [True, True]),
    ],
    ids=["no key", "all empty", "one empty", "one without key", "all impossible"],
)
def test_read_squad_answers_that_the_document_does_not_say_are_none(put, questions, known):
    assert [values["answers"] is not None for _, values in rows(put(squad(*questions)))] == known


ANSWERS = '"answers" must be a list of objects with a text "text" and a whole number "answer_start"'


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        ({"id": "x"}, ' (id "x"): there is no text "question"'),
        ({"question": "?"}, ' (title "T"): there is no "id"'),
        ("x", ": an object was expected"),
        (qa(2, answers="C"), f' (id "q2"): {ANSWERS}'),
        (qa(2, answers=[{"text": "C"}]), f' (id "q2"): {ANSWERS}'),
        (qa(2, answers=[answer(None, 0)]), f' (id "q2"): {ANSWERS}'),
    ],
)
def test_read_squad_bad_question(put, bad, problem):
    path = put(squad(qa(1), bad, qa(3)))
    with pytest.raises(DataError) as caught:
        rows(path)
    assert caught.value.message == f"a.json: data[0].paragraphs[0].qas[1]{problem}"
    assert "data.on_bad_row=skip" in caught.value.hint
    with open_table(path, ReadSettings(on_bad_row="skip")) as table:
        assert [row.values["id"] for row in table] == ["q1", "q3"]
    assert table.rejects.count == 1


def test_read_squad_paragraph_without_context_costs_its_questions(put):
    document = squad(qa(1), qa(2), context=None)
    document["data"] += squad(qa(3))["data"]
    with open_table(put(document), ReadSettings(on_bad_row="skip")) as table:
        assert [(row.line, row.values["id"]) for row in table] == [(3, "q3")]
    assert table.rejects.count == 2
    assert table.rejects.examples[1] == (
        'a.json: data[0].paragraphs[0].qas[1] (id "q2"): the paragraph has no text "context"'
    )


@pytest.mark.parametrize(
    ("article", "problem"),
    [
        ("x", 'data[0]: an object with a list "paragraphs" was expected'),
        ({"title": "T"}, 'data[0]: an object with a list "paragraphs" was expected'),
        ({"paragraphs": [{"context": "C"}]}, 'data[0].paragraphs[0]: an object with a list "qas" was expected'),
    ],
)
def test_read_squad_bad_article(put, article, problem):
    with pytest.raises(DataError) as caught:
        rows(put({"data": [article]}))
    assert caught.value.message == f"a.json: {problem}"


def test_write_json_is_a_list_with_a_row_a_line(put, tmp_path):
    with open_table(put([{"b": "ü", "a": 1}])) as like, create_table("out.json", like, ["p"]) as out:
        out.write([{"a": 1, "b": "ü", "p": float("nan")}])
        out.write([{"x": [0.5, float("inf")], "a": 2}])
    text = (tmp_path / "out.json").read_text(encoding="utf-8")
    assert text == '[\n{"b": "ü", "a": 1, "p": null},\n{"b": null, "a": 2, "p": null, "x": [0.5, null]}\n]\n'
    assert [values for _, values in rows("out.json")] == json.loads(text)


def test_write_json_without_rows(put, tmp_path):
    with open_table(put([{"a": 1}])) as like, create_table("out.json", like, []):
        pass
    assert json.loads((tmp_path / "out.json").read_text()) == []


def test_write_json_from_squad_is_a_list_of_rows(put):
    path = put(squad(qa(1, answers=[answer("C", 0)])))
    with open_table(path) as table, create_table("out.json.gz", table, ["answer"]) as out:
        out.write(row.values | {"answer": "c"} for row in table)
    ((line, values),) = rows("out.json.gz")
    assert (line, list(values)) == (1, [*COLUMNS, "answer"])
    assert values["answers"] == {"text": ["C"], "answer_start": [0]}
