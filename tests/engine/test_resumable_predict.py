import csv
import fcntl
import json

import pytest

from bertkit.errors import DataError, MachineError, UsageError
from tests.reliability.fake_run import CHUNK, FakePredictor, left, predict, write_table


@pytest.fixture
def source(tmp_path):
    """A table of several chunks with some bad rows."""
    return write_table(tmp_path / "rows.csv", rows=100, bad=(7, 40, 41, 99))


def stop(source, output, *, at=4, **options):
    with pytest.raises(KeyboardInterrupt):
        predict(source, output, FakePredictor(stop_at=at), **options)


def whole(source, tmp_path, name, **options):
    predict(source, tmp_path / f"whole.{name}", **options)
    return (tmp_path / f"whole.{name}").read_bytes()


def read_rejects(path):
    with path.open(newline="") as stream:
        return list(csv.reader(stream))


@pytest.mark.parametrize("name", ["out.csv", "out.tsv.gz", "out.jsonl", "out.json.gz", "out.parquet", "out.parquet.gz"])
def test_a_stopped_prediction_is_continued_in_every_format(name, source, tmp_path, caplog):
    caplog.set_level("INFO")
    stop(source, tmp_path / name)
    assert not (tmp_path / name).exists()
    again = FakePredictor()
    done = predict(source, tmp_path / name, again)
    assert f"{name}: continued after {3 * CHUNK} rows" in caplog.text
    assert again.answered == 2
    assert (done.continued, done.read, done.rows, done.rejected) == (60, 100, 96, 4)
    assert (tmp_path / name).read_bytes() == whole(source, tmp_path, name)
    rejects = read_rejects(tmp_path / f"{name}.rejects.csv")
    assert [line[0] for line in rejects] == ["line", "9", "42", "43", "101"]
    assert not list(tmp_path.glob("*.part*"))


def test_what_stops_twice_is_continued_twice(source, tmp_path):
    for at in (3, 2, 1):
        stop(source, tmp_path / "out.csv", at=at)
    predict(source, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_bytes() == whole(source, tmp_path, "csv")


def test_what_stops_before_the_first_note_leaves_nothing(source, tmp_path):
    stop(source, tmp_path / "out.csv", at=1)
    assert list(tmp_path.iterdir()) == [source]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"all_scores": True}, r"--all-scores \(False -> True\)"),
        ({"for_spreadsheet": True}, r"--for-spreadsheet \(False -> True\)"),
        ({"shard": "1/2"}, r"--shard \(1/1 -> 1/2\)"),
        ({"columns": {"text": "id"}}, r"columns\.text \(text -> id\)"),
    ],
)
def test_another_command_does_not_touch_an_unfinished_output(options, told, source, tmp_path):
    stop(source, tmp_path / "out.csv")
    before = left(tmp_path)
    with pytest.raises(UsageError, match=told) as raised:
        predict(source, tmp_path / "out.csv", **options)
    assert "--overwrite" in raised.value.hint
    assert left(tmp_path) == before
    fresh = predict(source, tmp_path / "out.csv", overwrite=True, **options)
    assert fresh.continued == 0
    assert (tmp_path / "out.csv").read_bytes() == whole(source, tmp_path, "csv", **options)


@pytest.mark.parametrize("change", ["insert", "delete", "append", "edit"])
def test_a_changed_input_is_not_continued(change, source, tmp_path):
    stop(source, tmp_path / "out.csv")
    lines = source.read_text().splitlines(keepends=True)
    changed = {
        "insert": [*lines[:50], "x,y\n", *lines[50:]],
        "delete": [*lines[:50], *lines[51:]],
        "append": [*lines, "x,y\n"],
        "edit": [lines[0], lines[1].replace("text", "TEXT"), *lines[2:]],
    }[change]
    source.write_text("".join(changed))
    with pytest.raises(UsageError, match="the input"):
        predict(source, tmp_path / "out.csv")


def test_another_run_does_not_continue(source, tmp_path):
    stop(source, tmp_path / "out.csv")
    other = FakePredictor()
    other.run.info["name"] = "other"
    with pytest.raises(UsageError, match=r"the run \("):
        predict(source, tmp_path / "out.csv", other)


def test_overwrite_continues_what_is_its_own(source, tmp_path):
    (tmp_path / "out.csv").write_text("old")
    stop(source, tmp_path / "out.csv", overwrite=True)
    assert (tmp_path / "out.csv").read_text() == "old"
    assert predict(source, tmp_path / "out.csv", overwrite=True).continued == 60


@pytest.mark.parametrize("damage", ["gone", "torn", "changed", "short"])
def test_an_unfinished_output_whose_note_is_damaged_is_made_anew(damage, source, tmp_path, caplog):
    stop(source, tmp_path / "out.csv")
    journal, part = tmp_path / "out.csv.part.journal", tmp_path / "out.csv.part"
    if damage == "gone":
        journal.unlink()
    elif damage == "torn":
        journal.write_bytes(journal.read_bytes()[:-9])
    elif damage == "changed":
        journal.write_text(journal.read_text().replace('"rows": 60', '"rows": 40'))
    else:
        part.write_bytes(part.read_bytes()[:50])
    assert predict(source, tmp_path / "out.csv").continued == 0
    assert "it is replaced" in caplog.text
    assert (tmp_path / "out.csv").read_bytes() == whole(source, tmp_path, "csv")


def test_two_predictions_do_not_share_an_output(source, tmp_path):
    with (tmp_path / "out.csv.part").open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(UsageError, match="is being written by another process"):
            predict(source, tmp_path / "out.csv")


def test_a_list_of_rejects_is_never_that_of_an_earlier_prediction(source, tmp_path):
    predict(source, tmp_path / "out.csv")
    assert (tmp_path / "out.csv.rejects.csv").exists()
    predict(write_table(source, rows=30, bad=()), tmp_path / "out.csv", overwrite=True)
    assert not (tmp_path / "out.csv.rejects.csv").exists()
    (tmp_path / "out.csv.rejects.csv").write_text("mine")
    with pytest.raises(UsageError, match="in the way"):
        predict(source, tmp_path / "out.csv", overwrite=True)
    assert (tmp_path / "out.csv.rejects.csv").read_text() == "mine"


def test_rejects_beside_standard_output_go_where_they_are_told(source, tmp_path, capsys):
    done = predict(source, "-", rejects=tmp_path / "bad.csv")
    assert len(capsys.readouterr().out.splitlines()) == 1 + done.rows == 97
    assert len(read_rejects(tmp_path / "bad.csv")) == 1 + done.rejected


@pytest.mark.parametrize("count", [1, 2, 5, 9])
@pytest.mark.parametrize("extension", ["csv", "tsv", "jsonl"])
def test_parts_one_after_another_are_the_whole(extension, count, source, tmp_path):
    parts = [f"{part}/{count}" for part in range(1, count + 1)]
    done = [predict(source, tmp_path / f"{n}.{extension}", shard=shard) for n, shard in enumerate(parts)]
    together = b"".join((tmp_path / f"{n}.{extension}").read_bytes() for n in range(count))
    assert together == whole(source, tmp_path, extension)
    assert sum(one.read for one in done) == 100
    rejects = [line for one in done if one.rejected for line in read_rejects(tmp_path / one.rejects)[1:]]
    assert rejects == read_rejects(tmp_path / f"whole.{extension}.rejects.csv")[1:]


def test_a_stopped_part_is_continued(source, tmp_path):
    predict(source, tmp_path / "whole.csv", shard="2/2")
    stop(source, tmp_path / "out.csv", at=2, shard="2/2")
    assert predict(source, tmp_path / "out.csv", shard="2/2").continued == CHUNK
    assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


@pytest.mark.parametrize("name", ["out.json", "out.parquet", "out.conll"])
def test_parts_that_make_no_whole_are_refused(name, tmp_path):
    source = tmp_path / "rows.jsonl"
    source.write_text(json.dumps({"text": "a", "tokens": ["a"]}) + "\n")
    with pytest.raises(UsageError, match="do not make a whole"):
        predict(source, tmp_path / name, shard="2/2")
    assert list(tmp_path.iterdir()) == [source]


@pytest.mark.parametrize("shard", ["0/2", "3/2", "1", "a/b", "1/0", "-1/2"])
def test_a_part_that_is_none_is_refused(shard, source, tmp_path):
    with pytest.raises(UsageError, match="--shard"):
        predict(source, tmp_path / "out.csv", shard=shard)


class Fussy(FakePredictor):
    """A run whose tokenizer gives up on some texts, as one in Rust does."""

    def encode(self, examples, encoder=None):
        """Fail as a whole, as batches do."""
        self.ids([example.values["text"] for example in examples])
        return super().encode(examples)

    def ids(self, texts):
        """Refuse some texts."""
        for text in texts:
            if "13" in text:
                raise PanicException("called `Option::unwrap()` on a `None` value")
            if "66" in text:
                raise TypeError("TextEncodeInput must be Union[TextInputSequence, ...]")


class PanicException(BaseException):
    """What a panic of Rust is in Python: no Exception."""


def fussy():
    made = Fussy()
    made.encoder.ids = made.ids
    return made


def test_a_row_that_the_tokenizer_refuses_costs_no_other_row(source, tmp_path):
    done = predict(source, tmp_path / "out.csv", fussy())
    assert (done.read, done.rows, done.rejected) == (100, 94, 6)
    rejects = read_rejects(tmp_path / "out.csv.rejects.csv")
    assert [line[0] for line in rejects[1:]] == ["9", "15", "42", "43", "68", "101"]
    assert "the tokenizer cannot read this row: called `Option" in rejects[2][3]
    with (tmp_path / "out.csv").open(newline="") as stream:
        assert [row["id"] for row in csv.DictReader(stream)] == [
            str(n) for n in range(100) if n not in (7, 13, 40, 41, 66, 99)
        ]


def test_a_row_that_the_tokenizer_refuses_is_named_where_bad_rows_stop_the_work(tmp_path):
    source = write_table(tmp_path / "rows.csv", rows=30, bad=())
    with pytest.raises(DataError, match=r"rows\.csv:15: the tokenizer cannot read this row"):
        predict(source, tmp_path / "out.csv", fussy(), settings={"on_bad_row": "stop"})


def test_a_fault_of_the_program_is_no_bad_row(source, tmp_path):
    class Broken(FakePredictor):
        def encode(self, examples, encoder=None):
            raise TypeError("a fault")

    broken = Broken()
    broken.encoder.ids = lambda texts: []
    with pytest.raises(TypeError, match="a fault"):
        predict(source, tmp_path / "out.csv", broken)


def test_cells_of_a_spreadsheet_are_text_and_all_others_stay(tmp_path):
    cells = ["=1+1", "+x", "-x", "@x", "\tx", "\rx", '"=x', "-5", "+1.5e3", "plain", "a=b"]
    source = tmp_path / "rows.csv"
    with source.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["=head", "text"])
        writer.writerows([cell, "x"] for cell in cells)
    predict(source, tmp_path / "plain.csv")
    predict(source, tmp_path / "sheet.csv", for_spreadsheet=True)
    assert (tmp_path / "sheet.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    with (tmp_path / "plain.csv").open(newline="") as stream:
        assert [row[0] for row in csv.reader(stream)] == ["=head", *cells]
    with (tmp_path / "sheet.csv").open(newline="", encoding="utf-8-sig") as stream:
        rows = list(csv.reader(stream))
    assert [row[0] for row in rows] == ["'=head", *(f"'{cell}" for cell in cells[:7]), *cells[7:]]
    assert float(rows[1][3]) >= 0.5
    with pytest.raises(UsageError, match="a spreadsheet program reads CSV or TSV"):
        predict(source, tmp_path / "out.jsonl", for_spreadsheet=True)


def test_cells_that_a_spreadsheet_would_compute_are_told_once(tmp_path, caplog):
    caplog.set_level("INFO")
    source = tmp_path / "rows.csv"
    source.write_text("text\n@one\n@two\n")
    predict(source, tmp_path / "out.csv")
    assert caplog.text.count("--for-spreadsheet") == 1


def test_a_full_standard_output_is_a_fault_of_the_machine(source, monkeypatch):
    with open("/dev/full", "w") as full:
        monkeypatch.setattr("sys.stdout", full)
        with pytest.raises(MachineError, match="the disk is full"):
            predict(source, "-")
        monkeypatch.undo()
        with pytest.raises(OSError, match="No space"):
            full.close()
