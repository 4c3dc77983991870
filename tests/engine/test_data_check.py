import json
import logging
from types import SimpleNamespace

import pytest
from tokenizers import Tokenizer
from tokenizers.models import Unigram

from bertkit.engine import data_check
from bertkit.engine._data_check import tokens
from bertkit.engine.finetune import prepare_request
from bertkit.engine.request import Request
from bertkit.errors import DataError
from tests.command_line import write_csv
from tests.families import build

COLUMNS = {"text": "text", "label": "label"}
FILLER = [[f"{word} text that is like no other: {word * 3}", label] for word, label in zip(
    ("alpha", "bravo", "delta", "hotel", "india", "kilo", "lima", "mike"), "abababab", strict=True
)]  # fmt: skip


@pytest.fixture
def checked(tmp_path):
    """Check tables of texts and labels; findings by name."""

    def run(train, overrides=(), tokenizer=False, model=None, **others):
        files = {name: write_csv(tmp_path / f"{name}.csv", [["text", "label"], *rows]) for name, rows in others.items()}
        data = write_csv(tmp_path / "train.csv", [["text", "label"], *train])
        named = {name: str(path) for name, path in files.items()}
        request = Request(model=model, data=str(data), columns=COLUMNS, overrides=overrides, **named)
        report = data_check.check(request, tokenizer=tokenizer)
        return {finding.check: finding for finding in report.findings}

    return run


@pytest.fixture
def tagged(tmp_path, minilm_folder):
    """Check rows of a task, written as JSON Lines."""

    def run(task, rows, overrides=(), validation=None):
        data = tmp_path / "rows.jsonl"
        data.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
        request = Request(task, str(minilm_folder), str(data), validation, overrides=overrides)
        return {finding.check: finding for finding in data_check.check(request).findings}

    return run


def only(found, level):
    return {name for name, finding in found.items() if finding.level == level}


def test_good_rows_have_good_findings_alone(checked):
    found = checked(FILLER, validation=[["something else", "a"]], test=[["nothing of the kind", "b"]])
    assert set(found) == only(found, "good")
    assert {"odd labels", "leaks: train and test", "conflicting labels"} <= set(found)


def test_every_unreadable_row_is_counted(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("text,label\n" + "".join(f"text {n},{'ab'[n % 2]}\nbroken {n}\n" for n in range(7)))
    report = data_check.check(Request(data=str(path), columns=COLUMNS), tokenizer=False)
    found = {finding.check: finding for finding in report.findings}
    assert (found["unreadable rows"].level, found["unreadable rows"].count) == ("error", 7)
    assert "rows.csv:3: 1 field" in found["unreadable rows"].places[0]
    assert report.rows == {"train": 7}


def test_missing_texts_and_labels_have_their_lines(checked):
    found = checked([*FILLER, ["", "a"], ["no label here", " "]])
    assert found["empty texts"].level == found["missing labels"].level == "warning"
    assert "train.csv:10" in found["empty texts"].places[0]
    assert 'train.csv:11 "no label here"' in found["missing labels"].places[0]


@pytest.mark.parametrize(("key", "name"), [("on_empty", "empty texts"), ("on_missing_label", "missing labels")])
def test_what_the_recipe_refuses_is_an_error(checked, key, name):
    found = checked([*FILLER, ["", "a"], ["no label here", ""]], [f"data.{key}=refuse"])
    assert only(found, "error") == {name}


def test_every_cell_that_is_no_number_is_found(checked):
    numbers = [[text, str(place / 7)] for place, (text, _) in enumerate(FILLER)]
    found = checked([*numbers, ["one more", "two"], ["and more", "nan"]], ["adapter.labels=number"])
    assert (found["broken labels"].level, found["broken labels"].count) == ("error", 2)
    assert 'train.csv:10: column of role "label": "two" is not a number' in found["broken labels"].places[0]
    assert "label balance" not in found


def test_labels_that_cannot_be_learnt_are_an_error(checked):
    found = checked([[text, "same"] for text, _ in FILLER])
    assert "at least two labels" in found["labels"].sentence


def test_leaks_are_told_also_where_labels_cannot_be_learnt(tmp_path):
    rows = [["text", "label"], *([text, "same"] for text, _ in FILLER)]
    train, test = write_csv(tmp_path / "train.csv", rows), write_csv(tmp_path / "test.csv", rows)
    report = data_check.check(Request(data=str(train), test=str(test), columns=COLUMNS), tokenizer=False)
    found = {finding.check: finding for finding in report.findings}
    assert found["leaks: train and test"].count == len(FILLER)
    assert "conflicting labels" not in found
    assert "conflicting labels" in report.skipped[-1]


def test_labels_in_validation_and_test_alone_are_errors(checked):
    found = checked(FILLER, validation=[["x", "a"], ["y", "A "]], test=[["z", "c"]])
    assert (found["unknown labels"].level, found["unknown labels"].count) == ("error", 2)
    assert 'validation.csv:3: label "A"' in found["unknown labels"].places[0]
    assert 'did you mean "a"?' in found["unknown labels"].places[0]


def test_odd_and_single_labels(checked):
    found = checked([*FILLER, ["again", "B"], ["once more", "NaN"]])
    assert {'"B"', '"NaN"'} == {place.split()[1] for place in found["odd labels"].places}
    assert 'like "b" (4)' in " ".join(found["odd labels"].places)
    assert found["single labels"].count == 2


def test_balance_tells_a_class_that_is_much_rarer(checked):
    often = [[f"{word}{number}", "a"] for number, word in enumerate(["text"] * 120)]
    assert checked([*often, ["other", "b"]])["label balance"].level == "warning"
    fair = checked([*often, ["other", "b"], ["others", "b"]])["label balance"]
    assert (fair.level, fair.figures["labels"]) == ("good", {"a": 120, "b": 2})


def test_repeats_near_repeats_and_conflicts(checked):
    text, label = FILLER[0]
    found = checked([*FILLER, [text, label], [text.upper() + "!", "b"], [f"{text} too", label]])
    assert found["repeated texts"].count == 1
    assert found["near-repeated texts"].count == 2
    assert found["repeated texts"].places[0].endswith("train.csv:2")
    assert found["conflicting labels"].count == 1
    assert 'train.csv:2 "a" and' in found["conflicting labels"].places[0]
    assert 'train.csv:11 "b"' in found["conflicting labels"].places[0]


@pytest.mark.parametrize(("leaked", "level"), [(0, "good"), (1, "warning"), (2, "error")])
def test_leaks_are_an_error_beyond_one_in_a_hundred(checked, leaked, level):
    train = [[f"{word * 4} {number}", "ab"[number % 2]] for number, word in enumerate(map(chr, range(97, 117)))]
    test = [[f"{number} {chr(1000 + number) * 9}", "a"] for number in range(100 - leaked)]
    found = checked(train * 10, test=[*test, *train[:leaked]])["leaks: train and test"]
    assert (found.level, found.count) == (level, leaked)


def test_leaks_are_a_share_of_the_later_split(checked):
    found = checked(FILLER, test=[*FILLER, *FILLER, *([str(number), "a"] for number in range(16))])
    assert "(50.0% of test)" in found["leaks: train and test"].sentence


def test_near_leaks_and_shared_documents_of_questions(tagged, tmp_path):
    def row(question, context):
        return {"question": question, "context": context, "answers": ["Oslo"]}

    validation = tmp_path / "validation.jsonl"
    validation.write_text(json.dumps(row("where is it ", "They live in Oslo.")))
    rows = [row("Where is it?", "They live in Oslo."), row("What is it?", "We went to Oslo.")]
    found = tagged("qa", rows, validation=str(validation))
    assert found["near leaks: train and validation"].count == 1
    assert found["leaks: train and validation"].count == 0
    assert found["shared documents: train and validation"].count == 1


def test_length_tells_rows_and_tokens_beyond_each_length(checked, minilm_folder):
    long = " ".join(["day"] * 298)
    found = checked(
        [*FILLER, [long, "a"]], ["encode.max_length=256"], tokenizer=True, model=str(minilm_folder)
    )["length"]  # fmt: skip
    assert found.level == "warning"
    assert found.figures["longest"] == 298
    tokens = found.figures["lengths"]
    assert tokens["512"] == {"rows": 0, "tokens": 0}
    assert tokens["128"]["rows"] == tokens["256"]["rows"] == pytest.approx(1 / 9)
    assert tokens["256"]["tokens"] == pytest.approx(found.figures["unseen"])
    assert found.places == ["train.csv:10: 298 tokens".replace("train.csv", found.places[0].partition(":10")[0])]


def test_unknown_words_are_listed_by_how_often_they_come(checked, minilm_folder):
    rows = [*FILLER, ["a fine 🤩 day 🤩", "a"], ["a dull ꙮ day", "b"]]
    found = checked(rows, tokenizer=True, model=str(minilm_folder))["unknown tokens"]
    assert (found.level, found.count) == ("warning", 3)
    assert found.figures["words"] == {"🤩": 2, "ꙮ": 1}


@pytest.mark.parametrize("family", ["albert", "camembert", "xlm-roberta"])
def test_unknown_words_are_found_by_families_whose_tokenizers_are_unigram_models(checked, tmp_path, family):
    found = checked([*FILLER, ["a fine ꙮ day", "a"]], tokenizer=True, model=str(build(family, tmp_path / family)))
    assert "ꙮ" in found["unknown tokens"].figures["words"]


def test_no_word_is_unknown_where_bytes_are_tokens():
    vocabulary = [("<unk>", 0.0), *((f"<0x{byte:02X}>", -1.0) for byte in range(256))]
    for spelled, unknown in ((True, None), (False, 0)):
        tokenizer = Tokenizer(Unigram(vocabulary, unk_id=0, byte_fallback=spelled))
        assert tokens.unknown_id(SimpleNamespace(tokenizer=tokenizer)) == unknown


def test_entities_that_no_answer_can_reach_bound_the_scores(tagged):
    rows = [{"text": "Rome is old.", "spans": [[0, 4, "LOC"]]}, {"text": "Romes are old.", "spans": [[0, 4, "LOC"]]}]
    found = tagged("ner", [*rows, *rows], ["columns.text=text", "columns.spans=spans"])
    assert found["ceiling: train"].level == "warning"
    assert found["ceiling: train"].count == 2
    assert found["ceiling: train"].figures["recall"] == pytest.approx(0.5)
    assert found["ceiling: train"].figures["f1"] == pytest.approx(2 / 3)
    assert "do not fall on word borders" in found["encoding"].sentence


def test_labels_of_words_that_cannot_be_repaired_are_listed(tagged):
    good = [{"tokens": ["Rome", "is"], "tags": ["B-LOC", "O"]}, {"tokens": ["In", "Oslo"], "tags": ["O", "B-LOC"]}]
    bad = [{"tokens": ["a", "b"], "tags": ["O"]}, {"tokens": ["c"], "tags": ["O", "O"]}]
    found = tagged("ner", [*good, *bad])["broken labels"]
    assert (found.level, found.count) == ("error", 2)
    assert found.places[1].endswith("rows.jsonl:4: 2 tags for 1 tokens")


def test_without_the_checkpoint_the_rest_is_checked(tmp_path):
    data = write_csv(tmp_path / "train.csv", [["text", "label"], *FILLER])
    report = data_check.check(Request(model="nobody/nothing", data=str(data), columns=COLUMNS))
    assert "nobody/nothing is not on this machine" in report.skipped[0]
    assert "length" not in {finding.check for finding in report.findings}


def test_what_a_finding_says_is_not_said_twice(tagged, caplog):
    with caplog.at_level(logging.INFO, logger="bertkit"):
        tagged("ner", [{"tokens": ["Oslo", "is"], "tags": ["B-LOC", "O"]}, {"tokens": ["c"], "tags": ["O", "O"]}])
    assert "tags for" not in caplog.text


def test_a_file_without_the_columns_is_refused(tmp_path):
    data = write_csv(tmp_path / "train.csv", [["text", "label"], *FILLER])
    with pytest.raises(DataError, match='no column "review"'):
        data_check.check(Request(data=str(data), columns={"text": "review", "label": "label"}), tokenizer=False)


def test_short_says_what_is_bad_about_rows_that_are_read_already(tmp_path, tiny):
    rows = [*FILLER, ["once only ꙮ", "c"], ["once only ꙮ", "c"]]
    train = write_csv(tmp_path / "train.csv", [["text", "label"], *rows])
    validation = write_csv(tmp_path / "validation.csv", [["text", "label"], FILLER[0], ["of its own", "b"]])
    request = Request(model=str(tiny), data=str(train), validation=str(validation), columns=COLUMNS)
    found = data_check.short(prepare_request(request))
    said = [finding.with_places() for finding in found.findings if finding.level != "good"]
    assert [sentence.partition(":")[0] for sentence in said] == ["repeated texts", "leaks", "unknown tokens"]
    assert "train 1" in said[0]
    assert f"{train}:2" in said[1]


def test_short_says_nothing_of_good_rows(tmp_path, tiny):
    train = write_csv(tmp_path / "train.csv", [["text", "label"], *FILLER])
    validation = write_csv(tmp_path / "validation.csv", [["text", "label"], ["of its own", "b"]])
    request = Request(model=str(tiny), data=str(train), validation=str(validation), columns=COLUMNS)
    found = data_check.short(prepare_request(request))
    assert found.sentence() == f"{len(found.findings)} good, 0 warnings, 0 errors"


def test_finetune_warns_of_leaks(tmp_path, tiny, caplog):
    train = write_csv(tmp_path / "train.csv", [["text", "label"], *FILLER])
    with caplog.at_level(logging.WARNING, logger="bertkit"):
        prepare_request(Request(model=str(tiny), data=str(train), validation=str(train), columns=COLUMNS))
    assert "leaks: train and validation: rows whose text stands in train, too (100.0%" in caplog.text
