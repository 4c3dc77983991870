import gzip
import io
import sys
import zipfile

import pytest

from bertkit.data.tables import open_table
from bertkit.errors import DataError

CONTENT = b"a,b\n1,2\n"


@pytest.fixture(autouse=True)
def _in_tmp_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def zipped(name, *members, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(name, "w", method) as archive:
        for member, content in members:
            archive.writestr(member, content)
    return name


def values(path):
    with open_table(path) as table:
        return [row.values for row in table]


@pytest.mark.parametrize(
    ("archive", "member"), [("a.zip", "a.csv"), ("a.csv.zip", "other.CSV"), ("a.csv.zip", "a"), ("a.ZIP", "in/a.csv")]
)
@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_the_only_member_of_a_zip_is_read(archive, member, method):
    assert values(zipped(archive, (member, CONTENT), method=method)) == [{"a": "1", "b": "2"}]


def test_the_member_says_the_format():
    assert values(zipped("a.csv.zip", ("rows.jsonl", '{"x": 1}\n'))) == [{"x": 1}]


def test_folders_in_a_zip_do_not_count():
    assert values(zipped("a.zip", ("in/", b""), ("in/a.csv", CONTENT))) == [{"a": "1", "b": "2"}]


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        ([], "a.zip holds 0 files where one is expected"),
        ([("a.csv", CONTENT), ("b.csv", CONTENT)], "a.zip holds 2 files where one is expected: a.csv, b.csv"),
        ([("../a.csv", CONTENT)], "its member is named like a place outside of it"),
        ([("/etc/a.csv", CONTENT)], "its member is named like a place outside of it"),
        ([("..\\a.csv", CONTENT)], "its member is named like a place outside of it"),
        ([("a.csv.gz", gzip.compress(CONTENT))], "its member is packed once more"),
    ],
)
def test_a_zip_that_is_not_one_table_is_refused(members, problem):
    with pytest.raises(DataError) as caught:
        values(zipped("a.zip", *members))
    assert problem in caught.value.message
    assert "Unpack it" in caught.value.hint


def test_an_encrypted_zip_is_refused(tmp_path):
    data = bytearray((tmp_path / zipped("a.zip", ("a.csv", CONTENT))).read_bytes())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(DataError, match="it is encrypted"):
        values("a.zip")


def test_other_methods_of_a_zip_are_refused():
    with pytest.raises(DataError, match="a method other than deflate"):
        values(zipped("a.zip", ("a.csv", CONTENT), method=zipfile.ZIP_BZIP2))


@pytest.mark.parametrize("cut", [10, 60, -1])
def test_a_damaged_zip_is_refused(tmp_path, cut):
    data = (tmp_path / zipped("a.zip", ("a.csv", CONTENT * 99))).read_bytes()
    (tmp_path / "a.zip").write_bytes(data[:cut])
    with pytest.raises(DataError, match="is not a whole zip file"):
        values("a.zip")


def test_a_zip_whose_bytes_changed_is_refused(tmp_path):
    path = tmp_path / zipped("a.zip", ("a.csv", CONTENT * 99), method=zipfile.ZIP_STORED)
    path.write_bytes(path.read_bytes().replace(b"1,2", b"1,3", 1))
    with pytest.raises(DataError, match="CRC"):
        values("a.zip")


def test_members_of_gzip_are_one_stream(tmp_path):
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"a,b\n1,") + gzip.compress(b"2\n3,4\n"))
    assert values("a.csv.gz") == [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]


@pytest.mark.parametrize(("content", "kind"), [(gzip.compress(CONTENT), "gz"), (b"PK\x03\x04...", "zip")])
def test_a_packed_file_with_the_name_of_another_is_named(tmp_path, content, kind):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(DataError, match=r"a\.csv is no text") as caught:
        values("a.csv")
    assert f"ends in .{kind}" in caught.value.hint


def test_a_zip_on_standard_input_is_refused(monkeypatch):
    stream = io.BufferedReader(io.BytesIO(b"PK\x03\x04..."))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(stream))
    with pytest.raises(DataError, match="stdin is a zip"):
        values("-")


def test_repetitive_text_is_fine_below_the_limit(tmp_path):
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"a,b\n" + b"same text,1\n" * 100_000))
    assert len(values("a.csv.gz")) == 100_000


def bomb():
    """A gzip file whose members unpack to 1 MiB each, 80 MiB in all, from a few kB."""
    return gzip.compress(b"a,b\n") + gzip.compress(b"same text,12345\n" * 2**16) * 80


def test_a_bomb_that_claims_to_be_large_is_refused(tmp_path):
    path = tmp_path / zipped("a.csv.zip", ("a.csv", b"a,b\n" + b"same text,12345\n" * 2**16 * 80))
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = b" " * 65535
    data = bytearray(path.read_bytes())
    size = data.index(b"PK\x01\x02") + 20
    data[size : size + 4] = (2**31).to_bytes(4, "little")
    path.write_bytes(data)
    # Later releases of Python compare the size with the place of the archive's index.
    with pytest.raises(DataError, match=r"more than 200 times as many|Overlapped entries"):
        values(path)


@pytest.mark.parametrize("kind", ["gz", "zip", "stdin"])
def test_a_bomb_is_refused(tmp_path, monkeypatch, kind):
    path = f"a.csv.{kind}"
    if kind == "zip":
        zipped(path, ("a.csv", b"a,b\n" + b"same text,12345\n" * 2**16 * 80))
    else:
        (tmp_path / path).write_bytes(bomb())
    if kind == "stdin":
        stream = io.BufferedReader((tmp_path / path).open("rb", buffering=0))
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(stream))
        path = "-"
    with open_table(path) as table, pytest.raises(DataError, match="more than 200 times as many") as caught:
        for _ in table:
            pass
    assert table.rows_read < 80 * 2**16
    assert "give the unpacked file" in caught.value.hint
