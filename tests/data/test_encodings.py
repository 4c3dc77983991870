import gzip
import itertools

import pytest

from bertkit.data.tables import open_table
from bertkit.errors import DataError
from bertkit.recipe.schema import ReadSettings

TEXTS = {
    "cp1252": "Schöne Grüße aus Köln, das Café war gut – für 5 €",
    "cp1250": "Příliš žluťoučký kůň úpěl ďábelské ódy",
    "cp1251": "Привет, это хороший фильм, мне понравилось",
    "koi8-r": "Привет, это хороший фильм, мне понравилось",
    "cp1253": "Καλημέρα κόσμε, η ταινία ήταν πολύ καλή",
    "gb18030": "这部电影非常好看，我很喜欢，下次还要再看一遍",
    "big5": "這部電影非常好看，我很喜歡，下次還要再看一遍",
    "cp949": "이 영화는 정말 좋았습니다 다시 보고 싶어요",
    "utf-16-le": "Schöne Grüße",
    "utf-16-be": "Schöne Grüße",
}


def fails(path, **settings):
    with pytest.raises(DataError) as caught, open_table(path, ReadSettings(**settings)) as table:
        list(table)
    return caught.value


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        *itertools.product(TEXTS, ["a.csv", "a.csv.gz", "a.jsonl"]),
        ("cp1252", "a.conll"),
        ("utf-16-le", "a.conll"),
    ],
)
def test_the_encoding_is_suggested(tmp_path, encoding, name):
    text = {
        "csv": f'text,label\n"{TEXTS[encoding]}",1\nplain,2\n',
        "jsonl": f'{{"text": "{TEXTS[encoding]}"}}\n',
        "conll": f"{TEXTS[encoding].split()[0]}\tO\n{TEXTS[encoding].split()[-1]}\tO\n\nplain\tO\n",
    }[name.split(".")[1]]
    data = text.encode(encoding)
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    error = fails(tmp_path / name)
    assert f"`--encoding {encoding}`" in error.hint
    with open_table(tmp_path / name, ReadSettings(encoding=encoding)) as table:
        assert list(table)


def test_the_tail_of_a_file_tells_more_than_the_line(tmp_path):
    """One word alone reads as well in another encoding; the others settle it."""
    good = "plain,1\n" * 20_000
    data = (f"text,label\n{good}ž,1\n{good}" + f"{TEXTS['cp1250']},2\n" * 9).encode("cp1250")
    (tmp_path / "a.csv").write_bytes(data)
    assert "`--encoding cp1250`" in fails(tmp_path / "a.csv").hint


def test_a_damaged_byte_among_utf_8_suggests_no_encoding(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"text,label\n" + "schön,1\n".encode() * 50 + b"sch\xf6n,1\n")
    error = fails(tmp_path / "a.csv")
    assert "--encoding" not in error.hint
    assert "the file is damaged there" in error.hint


@pytest.mark.parametrize("tried", ["ascii", "cp1252", "utf-16"])
def test_utf_8_is_suggested_where_something_else_was_tried(tmp_path, tried):
    data = "text,label\nschön à “côté”,1\n".encode()
    (tmp_path / "a.csv").write_bytes(data + b"," * (1 - len(data) % 2))
    assert "`--encoding utf-8`" in fails(tmp_path / "a.csv", encoding=tried).hint


def test_undecodable_bytes_cost_one_row_when_skipped(tmp_path):
    data = b'text,label\ncaf\xe9,1\n"two\nlin\xe9s",2\ngood,3\n\xff,4\n'
    (tmp_path / "a.csv").write_bytes(data)
    rejects = []
    with open_table(tmp_path / "a.csv", ReadSettings(on_bad_row="skip"), rejects.append) as table:
        assert [row.values["label"] for row in table] == ["3"]
    assert [(reject.line, reject.byte) for reject in rejects] == [(2, 11), (3, 18), (6, data.index(b"\xff"))]
    assert rejects[1].reason == "line 4: byte 0xE9, number 4 of the line, is not UTF-8"
    assert (table.rows_read, table.rejects.count) == (1, 3)


@pytest.mark.parametrize("header", [b"te\xe9xt,label\n", b"te\0xt,label\n", b'"a"b,c\n'])
def test_a_header_is_never_skipped(tmp_path, header):
    (tmp_path / "a.csv").write_bytes(header + b"one,1\ntwo,2\n")
    assert ":1: " in fails(tmp_path / "a.csv", on_bad_row="skip").message


def test_a_quote_that_swallows_rows_is_an_error_also_where_bytes_are_bad(tmp_path):
    (tmp_path / "a.csv").write_bytes(b'text,label\n"open,1\ncaf\xe9,2\ngood,3\n')
    assert "a quote is opened here and never closed" in fails(tmp_path / "a.csv", on_bad_row="skip").message


def test_bad_bytes_of_words_far_from_comments_have_their_place(tmp_path):
    good, bad = (b"1\t" + word + b"\t_" * 8 + b"\n\n" for word in (b"x", b"caf\xe9"))
    far = b"# caf\xe9\n" + b"\n" * 200_000 + bad + b"# \xff\n" + good + b"# \xff\n"
    (tmp_path / "a.conllu").write_bytes(far)
    assert "a.conllu:200002: byte 0xE9, number 6" in fails(tmp_path / "a.conllu").message
    rejects = []
    with open_table(tmp_path / "a.conllu", ReadSettings(on_bad_row="skip"), rejects.append) as table:
        assert [row.values["tokens"] for row in table] == [["x"]]
    assert [(reject.line, reject.byte) for reject in rejects] == [(200_002, 200_007)]
