from __future__ import annotations

import logging

import pytest

from bertkit.data.tables import open_table
from bertkit.data.writers import create_table
from bertkit.errors import DataError, UsageError
from bertkit.recipe.schema import ReadSettings

UD = """\
# sent_id = 1
# text = al mar 8.1
1-2\tal\t_\t_\t_\t_\t_\t_\t_\t_
1\ta\ta\tADP\t_\t_\t3\tcase\t_\t_
2\tel\tel\tDET\t_\tGender=Masc\t3\tdet\t_\t_
3\tmar\tmar\tNOUN\t_\t_\t0\troot\t_\t_
3.1\tsea\t_\t_\t_\t_\t_\t_\t_\t_
4\t8.1\t8.1\tNUM\t_\t_\t3\tnummod\t_\tSpaceAfter=No

# sent_id = 2
1\t#1\t#1\tSYM\t_\t_\t0\troot\t_\t_

"""
UD_COLUMNS = ["id", "tokens", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc"]


@pytest.fixture
def put(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def put(content, name="a.conll"):
        (tmp_path / name).write_bytes(content.encode())
        return name

    return put


def rows(path, **settings):
    with open_table(path, ReadSettings(**settings)) as table:
        return [(row.line, row.values) for row in table]


def copied(source, target, added, answers, **settings):
    """Write a table with further columns and give the text of the output."""
    with open_table(source, ReadSettings(**settings)) as table, create_table(target, table, added) as out:
        out.write(row.values | answer for row, answer in zip(table, answers, strict=True))
    with open(target, encoding="utf-8", newline="") as file:
        return file.read()


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("separator", ["\t", " ", "   "])
@pytest.mark.parametrize("name", ["a.conll", "a.iob", "a.bio"])
def test_read_conll_sentences(put, name, separator, end):
    lines = ["", "EU|B-ORG", "rejects|O", "", "  ", "#|O", '"Über"|O']
    assert rows(put(end.join(lines).replace("|", separator), name)) == [
        (2, {"tokens": ["EU", "rejects"], "tags": ["B-ORG", "O"]}),
        (6, {"tokens": ["#", '"Über"'], "tags": ["O", "O"]}),
    ]


def test_read_conll_document_lines_end_a_sentence(put):
    path = put("-DOCSTART- -X- O\nEU NNP B-ORG \n-DOCSTART- -X- O\n\nHe PRP O\n")
    assert rows(path) == [
        (2, {"tokens": ["EU"], "column_2": ["NNP"], "tags": ["B-ORG"]}),
        (5, {"tokens": ["He"], "column_2": ["PRP"], "tags": ["O"]}),
    ]


@pytest.mark.parametrize(
    ("line", "columns"),
    [
        ("EU", ["tokens"]),
        ("EU\tO", ["tokens", "tags"]),
        ("EU NNP B-NP O", ["tokens", "column_2", "column_3", "tags"]),
        ("EU" + "\tx" * 9, ["tokens", *(f"column_{position}" for position in range(2, 10)), "tags"]),
    ],
)
def test_read_conll_names_of_columns(put, line, columns):
    with open_table(put(line)) as table:
        assert table.columns == columns
        assert [list(row.values) for row in table] == [columns]


def test_read_conll_names_are_set(put):
    assert rows(put("EU O\n"), names=("word", "ner")) == [(1, {"word": ["EU"], "ner": ["O"]})]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("a", "b", "c"), r"a\.conll:2: 2 columns, data\.names has 3: a, b, c"),
        (("a", "a"), 'the header has the column "a" twice'),
    ],
)
def test_read_conll_names_that_do_not_fit(put, names, message):
    with pytest.raises(DataError, match=message):
        rows(put("\nEU O\n"), names=names)


def test_read_conll_tab_keeps_words_that_look_empty(put):
    words = ["", "\u200b", " ", "\u00a0", "1 000", "x\u2028y\x85z"]
    assert rows(put("".join(f"{word}\tO\n" for word in words) + "\t\nnext\tO\n")) == [
        (1, {"tokens": words, "tags": ["O"] * 6}),
        (8, {"tokens": ["next"], "tags": ["O"]}),
    ]


def test_read_conll_only_blank_and_tab_separate(put):
    assert rows(put("10\u00a0000 O\n\u200b O\n")) == [(1, {"tokens": ["10\u00a0000", "\u200b"], "tags": ["O", "O"]})]


@pytest.mark.parametrize(
    ("line", "problem"),
    [("bad", "1 column, expected 2: tokens, tags"), ("b\ta\td", "3 columns, expected 2: tokens, tags")],
)
def test_read_conll_bad_line_costs_its_sentence(put, line, problem):
    path = put(f"a\tO\n\nb\tO\n{line}\nc\n\nd\tO\n")
    with open_table(path) as table, pytest.raises(DataError) as caught:
        list(table)
    assert caught.value.message == f"a.conll:3: line 4: {problem}"
    assert "data.on_bad_row=skip" in caught.value.hint
    with open_table(path, ReadSettings(on_bad_row="skip")) as table:
        assert [(row.line, row.values["tokens"]) for row in table] == [(1, ["a"]), (7, ["d"])]
    assert (table.rejects.count, table.rejects.examples) == (1, [f"a.conll:3: line 4: {problem}"])


@pytest.mark.parametrize(
    ("name", "content"), [("a.conll", ""), ("a.conll", "\n \n-DOCSTART- O\n"), ("a.conllu", "# text = x\n\n")]
)
def test_read_conll_without_a_word(put, name, content):
    with pytest.raises(DataError, match="is empty: it has no line with a word"):
        open_table(put(content, name))


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_read_conllu_keeps_words_only(put, end):
    found = rows(put(UD.replace("\n", end), "a.conllu"))
    assert [line for line, _ in found] == [4, 11]
    assert list(found[0][1]) == UD_COLUMNS
    assert found[0][1]["id"] == ["1", "2", "3", "4"]
    assert found[0][1]["tokens"] == ["a", "el", "mar", "8.1"]
    assert found[0][1]["feats"] == ["_", "Gender=Masc", "_", "_"]
    assert found[1][1]["tokens"] == ["#1"]


def test_read_conllu_line_without_tabs_is_a_bad_row(put):
    with pytest.raises(DataError, match=r"a\.conllu:1: 1 column, expected 10: id, tokens, lemma"):
        rows(put(UD.split("\n", 6)[5].replace("\t", " "), "a.conllu"))


@pytest.mark.parametrize("name", ["a.conllu", "a.conllup"])
def test_read_conllu_plus_names_its_columns(put, name):
    content = "# global.columns = ID FORM UPOS X:NE\n# text = a\n1\ta\tDET\tO\n2-3\tb\t_\t_\n"
    assert rows(put(content, name)) == [(3, {"id": ["1"], "tokens": ["a"], "upos": ["DET"], "X:NE": ["O"]})]


def test_read_conllu_plus_without_ids_takes_numbers_and_hashes_as_words(put):
    content = "# global.columns = FORM UPOS\n# text = x\n#x\tX\n3-4\tNUM\n"
    assert rows(put(content, "a.conllu")) == [(3, {"tokens": ["#x", "3-4"], "upos": ["X", "NUM"]})]


def test_read_conllu_plus_without_words(put):
    with pytest.raises(DataError, match=r"a\.conllu:1: # global\.columns names no column FORM"):
        open_table(put("# global.columns = ID UPOS\n1\tX\n", "a.conllu"))


@pytest.mark.parametrize("separator", ["\t", " "])
def test_write_conll_keeps_the_separator_and_reads_back(put, separator):
    path = put("EU NNP B-ORG\nsays VBZ O\n\nHe PRP O\n".replace(" ", separator))
    answers = [{"answer": ["B-ORG", "O"], "score": 0.5}, {"answer": None, "score": None}]
    text = copied(path, "out.conll", ["answer", "score"], answers)
    assert text == "EU NNP B-ORG B-ORG\nsays VBZ O O\n\nHe PRP O _\n\n".replace(" ", separator)
    with open_table("out.conll") as table:
        assert [list(row.values.values()) for row in table] == [
            [["EU", "says"], ["NNP", "VBZ"], ["B-ORG", "O"], ["B-ORG", "O"]],
            [["He"], ["PRP"], ["O"], ["_"]],
        ]


@pytest.mark.parametrize("target", ["out.conll", "out.conll.gz", "out.conllu"])
def test_round_trip_odd_words(put, target):
    words = ["\u200b", "#", "#x", "1 000", "\u00a0", "שלום", "漢字", "😀", "x\u2028y\x85z", '"', "3-4", "\ufeff"]
    put('{"tokens": []}\n', "a.jsonl")
    with open_table("a.jsonl") as like, create_table(target, like, ["tags"]) as out:
        out.write([{"tokens": words, "tags": ["O"] * len(words)}])
        out.write([{"tokens": ["last"], "tags": ["B-X"]}])
    assert [(values["tokens"], values["tags"]) for _, values in rows(target)] == [
        (words, ["O"] * len(words)),
        (["last"], ["B-X"]),
    ]


@pytest.mark.parametrize(("separator", "line"), [("\t", "a b\tB-x y\n"), (" ", "a B-x_y\n")], ids=["tab", "blank"])
def test_write_conll_white_space_splits_no_column(put, separator, line):
    path = put(f"a{separator}O\n")
    with open_table(path) as like, create_table("out.conll", like, ["answer"]) as out:
        out.write([{"tokens": ["a b" if separator == "\t" else "a"], "tags": None, "answer": ["B-x\ty"]}])
    with open("out.conll", encoding="utf-8") as file:
        assert file.read() == line + "\n"


def test_write_conll_empty_values(put):
    assert copied(put("\tO\nx\t\n"), "out.conll", [], [{}]) == "\tO\nx\t\n\n"
    assert copied(put("a O\n"), "b.conll", ["p"], [{"p": [""]}]) == "a O _\n\n"
    assert copied(put("\tO\nx\t\n"), "out.conllu", [], [{}]).splitlines()[1:] == ["1\t_\tO", "2\tx\t_", ""]


def test_write_conll_leaves_out_what_has_no_value_for_each_word(put, caplog):
    caplog.set_level(logging.INFO, "bertkit")
    path = put('{"id": 7, "tokens": ["a", "b"], "tags": ["O", "O"], "spans": [[0, 1], [1, 2]]}\n', "a.jsonl")
    text = copied(path, "out.conll", ["answer", "score"], [{"answer": ["X", "Y"], "score": 0.25}])
    assert text == "a\tO\tX\nb\tO\tY\n\n"
    assert caplog.messages == ["The output has a line a word; left out, as they have no value a word: id, spans, score"]


def test_write_conll_first_row_without_answer_still_gives_the_column(put):
    text = copied(put("a O\n\nb O\n"), "out.conll", ["answer"], [{"answer": None}, {"answer": ["X"]}])
    assert text == "a O _\n\nb O X\n\n"


def test_write_conll_value_that_no_longer_fits(put):
    with open_table(put("a O\n")) as like, create_table("out.conll", like, ["answer"]) as out:
        out.write([{"tokens": ["a"], "tags": ["O"], "answer": ["X"]}])
        with pytest.raises(DataError, match='"answer" has not one value for each of the 2 words of "c d"') as caught:
            out.write([{"tokens": ["c", "d"], "tags": ["O", "O"], "answer": ["X"]}])
    assert ".jsonl" in caught.value.hint


@pytest.mark.parametrize("target", ["out.conll", "out.conllu"])
@pytest.mark.parametrize("content", ["text\nx y\n", "tokens\nx y\n"])
def test_write_conll_needs_words(put, tmp_path, content, target):
    path = put(content, "a.csv")
    with pytest.raises(UsageError, match='no list of words in a column "tokens"') as caught:
        copied(path, target, ["answer"], [{"answer": ["O", "O"]}])
    assert ".jsonl" in caught.value.hint
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.csv"]


def test_write_conll_words_under_another_name(put):
    assert copied(put("a O\n"), "out.conll", ["p"], [{"p": ["X"]}], names=("word", "ner")) == "a O X\n\n"


def test_write_conllu_same_columns_is_conllu(put):
    words = [line for line in UD.splitlines() if not line.startswith(("#", "1-2", "3.1"))]
    assert copied(put(UD, "a.conllu"), "out.conllu", [], [{}, {}]) == "\n".join(words) + "\n"


def test_write_conllu_further_columns_make_it_conllu_plus(put):
    answers = [{"answer": ["X", "Y", "Z", "W"], "score": 1.0}, {"answer": None, "score": None}]
    text = copied(put(UD, "a.conllu"), "out.conllu", ["answer", "score"], answers)
    head = "# global.columns = ID FORM LEMMA UPOS XPOS FEATS HEAD DEPREL DEPS MISC answer\n1\ta\ta\tADP\t"
    assert text.startswith(head)
    first, second = rows("out.conllu")
    original = rows("a.conllu")
    assert first[1] == original[0][1] | {"answer": ["X", "Y", "Z", "W"]}
    assert second[1] == original[1][1] | {"answer": ["_"]}


def test_write_conllu_counts_words_without_ids(put):
    text = copied(put("a b\nc d\n\ne f\n"), "out.conllu", ["my tag"], [{"my tag": ["x", "y"]}, {"my tag": ["z"]}])
    assert text == "# global.columns = ID FORM tags my_tag\n1\ta\tb\tx\n2\tc\td\ty\n\n1\te\tf\tz\n\n"


def test_read_conll_bytes_that_are_no_text_cost_their_sentence(tmp_path):
    (tmp_path / "a.conll").write_bytes(b"a\tO\n\nb\tO\nc\xe9\tO\n\nd\0\tO\n\ne\tO\n")
    rejects = []
    with open_table(tmp_path / "a.conll", ReadSettings(on_bad_row="skip"), rejects.append) as table:
        assert [row.values["tokens"] for row in table] == [["a"], ["e"]]
    assert [(reject.line, reject.byte) for reject in rejects] == [(3, 5), (6, 15)]
    assert rejects[0].reason == "line 4: byte 0xE9, number 2 of the line, is not UTF-8"
    assert rejects[1].reason == "there is a NUL byte, which text never holds"


@pytest.mark.parametrize(
    ("name", "line"), [("a.conll", b"-DOCSTART- \xe9"), ("a.conllup", b"# caf\xe9"), ("a.conllup", b"# \0")]
)
def test_read_conll_bytes_that_are_no_text_between_sentences_cost_none(tmp_path, name, line):
    names = b"# global.columns = FORM UPOS\n" if name.endswith("p") else b""
    (tmp_path / name).write_bytes(names + line + b"\na\tO\n\n" + line + b"\nb\tO\n\n" + line + b"\n")
    assert [values["tokens"] for _, values in rows(tmp_path / name)] == [["a"], ["b"]]


def test_read_conllu_plus_names_that_are_no_text_are_refused(tmp_path):
    (tmp_path / "a.conllup").write_bytes(b"# global.columns = FORM caf\xe9\na\tO\n")
    with pytest.raises(DataError, match=r":1: byte 0xE9"):
        rows(tmp_path / "a.conllup", on_bad_row="skip")


def test_read_conll_long_cell(tmp_path):
    (tmp_path / "a.conll").write_text("a\tO\n" + "x" * 11 + "\tO\n\nb\tO\n")
    rejects = []
    with open_table(tmp_path / "a.conll", ReadSettings(on_bad_row="skip", max_cell=10), rejects.append) as table:
        assert [row.values["tokens"] for row in table] == [["b"]]
    assert [(reject.line, reject.byte, reject.column) for reject in rejects] == [(1, 0, "tokens")]
