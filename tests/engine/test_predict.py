import csv
import gzip
import io
import json
import os
import threading
import weakref
from contextlib import nullcontext
from dataclasses import replace

import pytest

import bertkit
from bertkit.data.tables import open_table
from bertkit.engine import predict as predict_table
from bertkit.engine import table_reader
from bertkit.engine.predictor import NO_TEXT, Predictor
from bertkit.errors import DataError, UsageError
from tests.command_line import write_csv, write_reviews

pytest_plugins = ("tests.fixtures",)

ROWS = [
    {"id": "007", "note": "NA", "text": "a great day"},
    {"id": "1.0", "note": "null", "text": "NA"},
    {"id": "", "note": "True", "text": "a, \"dull\" day"},
    {"id": "1e5", "note": "", "text": "   "},
    {"id": "x", "note": "naïve 日本", "text": "an awful day"},
]  # fmt: skip


def as_bytes(kind):
    if kind == "parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        stream = pa.BufferOutputStream()
        pq.write_table(pa.Table.from_pylist(ROWS), stream)
        return stream.getvalue().to_pybytes()
    if kind == "jsonl":
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS).encode()
    if kind == "tsv":
        return "".join("\t".join(line) + "\n" for line in [list(ROWS[0]), *(row.values() for row in ROWS)]).encode()
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(ROWS[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(ROWS)
    return stream.getvalue().encode()


def read(path):
    with open_table(path) as table:
        return table.columns, [row.values for row in table]


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet"])
@pytest.mark.parametrize("packed", ["", ".gz"])
def test_predict_keeps_columns_order_and_cells(finished, tmp_path, kind, packed):
    source = tmp_path / f"days.{kind}{packed}"
    content = as_bytes(kind)
    source.write_bytes(gzip.compress(content) if packed else content)
    done = bertkit.predict(source, run=finished)
    assert done.output == str(tmp_path / f"days.predicted.{kind}{packed}")
    columns, rows = read(done.output)
    assert columns == ["id", "note", "text", "answer", "score"]
    assert [{name: row[name] for name in ROWS[0]} for row in rows] == ROWS
    assert [row["answer"] or None for row in rows][3] is None
    assert {rows[index]["answer"] for index in (0, 1, 2, 4)} <= {"bad", "good"}
    assert (rows[0]["answer"], rows[4]["answer"]) == ("good", "bad")
    assert 0.5 < float(rows[0]["score"]) <= 1
    assert (done.rows, done.empty) == (5, 1)


def test_predict_all_scores_are_probabilities_of_every_label(finished, reviews, tmp_path):
    done = bertkit.predict(reviews, tmp_path / "out.csv", run=finished, all_scores=True)
    assert done.added == ["answer", "score", "score_bad", "score_good"]
    for row in read(done.output)[1]:
        scores = {label: float(row[f"score_{label}"]) for label in ("bad", "good")}
        assert sum(scores.values()) == pytest.approx(1, abs=2e-6)
        assert float(row["score"]) == scores[row["answer"]]


def test_predict_needs_no_labels_and_compares_known_ones(finished, tmp_path):
    bare = write_csv(tmp_path / "bare.csv", [["text"], ["a great day"]])
    assert (bertkit.predict(bare, run=finished).labelled, bertkit.predict(bare, "-", run=finished).scores) == (0, {})
    lines = [["text", "label"], ["a great day", "good"], ["a great day", ""], ["a great day", "unheard"]]
    done = bertkit.predict(write_csv(tmp_path / "some.csv", lines), run=finished)
    assert done.labelled == 1
    assert done.scores["accuracy"] == 1
    assert (done.rows, len(read(done.output)[1])) == (3, 3)


def test_predict_row_without_text_has_an_empty_answer(finished, tmp_path):
    source = write_csv(tmp_path / "gaps.csv", [["text", "id"], ["", "1"], ["a fine day", "2"], [" \t", "3"]])
    done = bertkit.predict(source, run=finished, all_scores=True)
    rows = read(done.output)[1]
    assert [row["answer"] for row in rows] == ["", "good", ""]
    assert rows[0]["score"] == rows[0]["score_bad"] == ""
    assert done.empty == 2


def test_predict_renames_added_columns_that_are_there_already(finished, tmp_path):
    source = write_csv(tmp_path / "twice.csv", [["text", "score"], ["a fine day", "mine"]])
    done = bertkit.predict(source, run=finished)
    assert read(done.output)[0] == ["text", "score", "predicted_answer", "predicted_score"]
    assert read(done.output)[1][0]["score"] == "mine"
    with pytest.raises(UsageError, match="predicted_answer"):
        bertkit.predict(done.output, run=finished)


def test_predict_replaces_an_output_only_when_told(finished, tmp_path):
    source = write_csv(tmp_path / "days.csv", [["text"], ["a fine day"]])
    output = tmp_path / "out.csv"
    output.write_text("mine")
    with pytest.raises(UsageError, match="exists already"):
        bertkit.predict(source, output, run=finished)
    assert output.read_text() == "mine"
    with pytest.raises(UsageError, match="overwrite the input"):
        bertkit.predict(source, source, run=finished, overwrite=True)
    bertkit.predict(source, output, run=finished, overwrite=True)
    assert read(output)[0] == ["text", "answer", "score"]


def test_predict_bad_row_in_the_middle_leaves_nothing(finished, tmp_path, monkeypatch):
    monkeypatch.setattr(table_reader, "CHUNK", 2)
    source = tmp_path / "days.csv"
    source.write_text("id,text\n1,a\n2,b\n3,c\n4,d,e\n5,f\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"days\.csv:5: 3 fields"):
        bertkit.predict(source, run=finished)
    assert list(tmp_path.glob("days*")) == [source]
    assert not reading_threads()


def test_predict_failure_keeps_the_output_that_was_there(finished, tmp_path):
    source = tmp_path / "days.csv"
    source.write_text("id,text\n1,a,b\n", encoding="utf-8")
    output = tmp_path / "out.csv"
    output.write_text("earlier")
    with pytest.raises(DataError):
        bertkit.predict(source, output, run=finished, overwrite=True)
    assert output.read_text() == "earlier"


def test_predict_in_chunks_gives_the_same_bytes(finished, tmp_path, monkeypatch):
    source = write_reviews(tmp_path / "many.csv", rows=40)
    whole = bertkit.predict(source, tmp_path / "whole.csv", run=finished, all_scores=True)
    monkeypatch.setattr(table_reader, "CHUNK", 7)
    chunks = bertkit.predict(source, tmp_path / "chunks.csv", run=finished, all_scores=True)
    assert (tmp_path / "chunks.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert (chunks.unseen, chunks.first) == (whole.unseen, whole.first)
    assert chunks.scores == pytest.approx(whole.scores, abs=1e-6)


@pytest.fixture
def small_chunks(monkeypatch, tmp_path):
    """A table of four chunks."""
    monkeypatch.setattr(table_reader, "CHUNK", 10)
    return write_reviews(tmp_path / "many.csv", rows=40)


def reading_threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("ahead")]


def test_predict_encodes_the_next_chunk_while_the_model_answers_one(finished, small_chunks, monkeypatch):
    encode, finish = Predictor.encode, Predictor.finish
    encoded, answered, changed = [], [], threading.Condition()

    def encode_and_tell(*given):
        with changed:
            encoded.append(given)
            changed.notify()
        return encode(*given)

    def finish_when_the_next_is_encoded(*given):
        with changed:
            expected = min(len(answered) + 2, 4)
            assert changed.wait_for(lambda: len(encoded) == expected, timeout=20), "it waits for the answers"
        answered.append(given)
        return finish(*given)

    monkeypatch.setattr(Predictor, "encode", encode_and_tell)
    monkeypatch.setattr(Predictor, "finish", finish_when_the_next_is_encoded)
    assert bertkit.predict(small_chunks, run=finished).rows == 40
    assert not reading_threads()


def test_predict_gives_the_same_bytes_whether_or_not_its_steps_overlap(finished, small_chunks, tmp_path, monkeypatch):
    beside = bertkit.predict(small_chunks, tmp_path / "beside.csv", run=finished, all_scores=True)
    monkeypatch.setattr(table_reader, "ahead", nullcontext)
    in_turn = bertkit.predict(small_chunks, tmp_path / "in_turn.csv", run=finished, all_scores=True)
    assert (tmp_path / "beside.csv").read_bytes() == (tmp_path / "in_turn.csv").read_bytes()
    assert beside == replace(in_turn, output=beside.output, rejects=beside.rejects)


def test_predict_holds_few_chunks_at_once(finished, small_chunks, monkeypatch):
    monkeypatch.setattr(table_reader, "CHUNK", 2)
    encode = Predictor.encode
    made, most = [], []

    def encode_and_note(*given):
        found = encode(*given)
        made.append(weakref.ref(found))
        most.append(sum(one() is not None for one in made))
        return found

    monkeypatch.setattr(Predictor, "encode", encode_and_note)
    bertkit.predict(small_chunks, run=finished)
    assert (len(made), max(most)) == (20, pytest.approx(2, abs=1))


@pytest.mark.parametrize("error", [KeyboardInterrupt, BrokenPipeError])
def test_predict_that_is_stopped_is_continued_and_leaves_no_thread(finished, small_chunks, monkeypatch, error, caplog):
    finish = Predictor.finish
    answered = []

    def finish_twice(*given):
        answered.append(given)
        if len(answered) == 2:
            raise error
        return finish(*given)

    monkeypatch.setattr(Predictor, "finish", finish_twice)
    with pytest.raises(error):
        bertkit.predict(small_chunks, run=finished)
    names = {path.name for path in small_chunks.parent.glob("many*")} - {small_chunks.name}
    assert names == {"many.predicted.csv.part", "many.predicted.csv.part.journal"}
    assert not reading_threads()
    assert "10 rows are kept in" in caplog.text
    monkeypatch.setattr(Predictor, "finish", finish)
    done = bertkit.predict(small_chunks, run=finished)
    assert (done.rows, done.continued, done.labelled) == (40, 10, 30)
    whole = bertkit.predict(small_chunks, small_chunks.with_name("whole.csv"), run=finished)
    assert (done.unseen, done.taken) == (whole.unseen, whole.taken)
    names = {path.name for path in small_chunks.parent.glob("many*")}
    assert names == {"many.csv", "many.predicted.csv"}
    assert small_chunks.with_name("many.predicted.csv").read_bytes() == small_chunks.with_name("whole.csv").read_bytes()


def test_predict_waits_for_a_pipe_where_a_signal_can_reach_it(finished, tmp_path, monkeypatch):
    def refuse(chunks):
        raise AssertionError("a thread waits for the pipe")

    monkeypatch.setattr(table_reader, "ahead", refuse)
    pipe = tmp_path / "days.csv"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=("text\na fine day\n",))
    writer.start()
    assert bertkit.predict(pipe, tmp_path / "out.csv", run=finished).rows == 1
    writer.join()


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl"])
def test_predict_streams_from_stdin_to_stdout_in_the_same_format(finished, tmp_path, monkeypatch, capsysbinary, kind):
    (tmp_path / f"days.{kind}").write_bytes(as_bytes(kind))
    bertkit.predict(tmp_path / f"days.{kind}", run=finished)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(as_bytes(kind))))
    done = bertkit.predict("-", run=finished)
    assert done.output == "-"
    assert capsysbinary.readouterr().out == (tmp_path / f"days.predicted.{kind}").read_bytes()


def test_predict_refuses_parquet_on_stdout(finished, tmp_path):
    (tmp_path / "days.parquet").write_bytes(as_bytes("parquet"))
    with pytest.raises(UsageError, match="Parquet"):
        bertkit.predict(tmp_path / "days.parquet", "-", run=finished)


def test_predict_of_pairs_needs_both_columns(finished_pair, tmp_path):
    source = write_csv(tmp_path / "pairs.csv", [["one", "two"], ["a day", "b day"], ["a day", ""]])
    done = bertkit.predict(source, run=finished_pair)
    assert [bool(row["answer"]) for row in read(done.output)[1]] == [True, False]
    with pytest.raises(DataError, match='no column "two"'):
        bertkit.predict(write_csv(tmp_path / "half.csv", [["one"], ["a day"]]), run=finished_pair)
    other = write_csv(tmp_path / "other.csv", [["x", "y"], ["a day", "b day"]])
    assert bertkit.predict(other, run=finished_pair, columns={"text": "x", "text_pair": "y"}).rows == 1


@pytest.mark.parametrize("given", ["columns", "values"])
def test_predict_refuses_a_role_that_the_run_does_not_know(finished_pair, tmp_path, given):
    source = write_csv(tmp_path / "pairs.csv", [["one", "two"], ["a day", "b day"]])
    with pytest.raises(UsageError, match='no column of role "txt_pair"; it has: text, text_pair, label'):
        bertkit.predict(source, run=finished_pair, **{given: {"txt_pair": "two"}})
    assert list(tmp_path.iterdir()) == [source]


def test_predict_to_a_line_a_word_writes_the_words_of_a_text_cell(finished_words, tmp_path):
    source = write_csv(tmp_path / "days.csv", [["id", "tokens"], ["1", "a lovely day"], ["2", '["a", "night"]']])
    done = bertkit.predict(source, tmp_path / "days.conll", run=finished_words)
    lines = [line.split("\t") for line in (tmp_path / "days.conll").read_text().split("\n")]
    assert [line[0] for line in lines] == ["a", "lovely", "day", "", "a", "night", "", ""]
    assert {line[1] for line in lines if line[0]} <= {"DET", "ADJ", "NOUN"}
    assert done.first[0]["tokens"] == ["a", "lovely", "day"]


def test_load_run_answers_texts_as_predict_does(finished, reviews, tmp_path):
    done = bertkit.predict(reviews, tmp_path / "out.csv", run=finished)
    rows = read(done.output)[1]
    records = bertkit.load_run(finished).predict([row["text"] for row in rows])
    assert [(record.answer, f"{record.score:.6f}") for record in records] == [
        (row["answer"], f"{float(row['score']):.6f}") for row in rows
    ]


def test_load_run_reads_half_a_character_as_the_mark_of_a_lost_one(finished, finished_words):
    predictor = bertkit.load_run(finished)
    broken, marked = predictor.predict(["a \ud800 day", "a \ufffd day"])
    assert broken == marked
    assert len(bertkit.load_run(finished_words).predict([["a", "\udfff", "day"]])[0].answer) == 3


def test_load_run_answers_pairs_in_every_form(finished_pair):
    predictor = bertkit.load_run(finished_pair)
    forms = [("a day", "b day"), ["a day", "b day"], {"text": "a day", "text_pair": "b day"}]
    assert len({(record.answer, round(record.score, 6)) for record in predictor.predict(forms)}) == 1
    with pytest.raises(DataError, match="row:2: 1 texts; this run answers 2: text, text_pair"):
        predictor.predict([("a day", "b day"), "alone"])
    assert predictor.predict([("a day", " "), ("a day", "b day")])[0] is NO_TEXT


@pytest.mark.parametrize(
    ("row", "roles"), [({"question": "a day", "text": "b day"}, "question, text"), ({"text": "a day"}, "text")]
)
def test_load_run_tells_which_roles_a_mapping_has_and_needs(finished_pair, row, roles):
    with pytest.raises(DataError, match=f"^row:1: its roles are {roles}; this run answers text, text_pair$"):
        bertkit.load_run(finished_pair).predict([row])


def test_load_run_of_single_texts_refuses_a_pair(finished):
    predictor = bertkit.load_run(finished)
    with pytest.raises(DataError, match="2 texts; this run answers 1: text"):
        predictor.predict([("a day", "b day")])
    assert predictor.predict([]) == []


@pytest.mark.parametrize(
    ("source", "output"),
    [
        ("reviews.csv", "reviews.predicted.csv"),
        ("a/reviews.2026.jsonl.gz", "a/reviews.predicted.2026.jsonl.gz"),
        ("-", "-"),
    ],
)
def test_default_output_lies_beside_the_input(source, output):
    assert predict_table.default_output(source) == output
