import json
from dataclasses import replace

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from bertkit import adapters
from bertkit.adapters._encoder import Encoder
from bertkit.data.examples import Example, Examples
from bertkit.errors import DataError
from bertkit.recipe.schema import EncodeSettings

LONG = " ".join(f"In {year} the tower of town {year % 7} grew by {year % 5} floors." for year in range(1900, 1960))
CASES = {
    "english": ("Where do they live?", "They live in Oslo, the capital of Norway.", "Oslo"),
    "chinese": ("首都是哪里?", "挪威的首都是奥斯陆,人口七十万。", "奥斯陆"),
    "arabic": ("ما هي العاصمة؟", "عاصمة النرويج هي أوسلو.", "أوسلو"),
    "hebrew": ("מהי הבירה?", "בירת נורווגיה היא אוסלו.", "אוסלו"),
    "long": ("What grew in 1955?", LONG, "the tower of town 2 grew by 0 floors"),
}


def bare(**settings):
    return adapters.create("question-answering", settings)


def row(question, context, *answers, line=2, **values):
    cell = [{"text": text, "start": context.index(text)} for text in answers]
    return Example("train.csv", line, {"question": question, "context": context, "answers": cell, **values})


def unlabelled(context="a b c"):
    return row("Why?", context)


@pytest.fixture(scope="module")
def encoder(minilm_folder):
    return lambda **settings: Encoder.load(minilm_folder, EncodeSettings(**settings), 512, 0)


@pytest.fixture(params=[{}, {"truncate": "windows", "max_length": 40, "stride": 16}, {"truncate": "head-tail"}])
def limits(request):
    return request.param


def certain(windows, answer, null=-9.0):
    """Logits of a model that knows the answer in every window that shows it."""
    found = []
    for window in windows:
        logits = np.full((window.input_ids.size, 2), -9.0, np.float32)
        logits[0] = null
        shown = window.detail
        start = shown.context.index(answer) if answer else -2
        logits[shown.legal == [start, start + len(answer)]] = 9
        found.append(logits)
    return found


@pytest.mark.parametrize("case", CASES)
def test_decode_finds_the_answer_of_every_script_and_length(case, encoder, limits):
    question, context, answer = CASES[case]
    adapter = bare(max_answer_tokens=20)
    if case == "long" and limits.get("truncate") != "windows":
        answer = "the tower of town 3 grew by 0 floors"
    encoded = adapter.encode([row(question, context, answer)], encoder(**limits), targets=True)
    (record,) = adapter.decode(certain(encoded.windows, answer), encoded.windows, 1)
    assert record.answer == answer == context[record.detail["start"] : record.detail["end"]]
    assert record.score > 0.99
    assert record.detail["n_best"][0]["text"] == answer
    assert len(record.detail["n_best"]) == 20


@pytest.mark.parametrize("case", CASES)
def test_targets_stand_where_the_answer_is(case, encoder, limits):
    question, context, answer = CASES[case]
    example = row(question, context, answer)
    encoded = bare(unanswerable=True).encode([example], encoder(**limits), targets=True)
    taught = [window for window in encoded.windows if window.target is not None]
    for window in taught:
        ((start, end),) = window.target.tolist()
        assert context[window.detail.legal[start, 0] : window.detail.legal[end, 1]] == answer
    if case == "long" and limits.get("truncate") == "windows":
        assert 0 < len(taught) < len(encoded.windows)
    assert bool(taught) != bool(encoded.remarks)


def test_encode_gives_an_answered_row_no_window_that_teaches_no_answer(encoder):
    adapter = bare(unanswerable=True)
    settings = encoder(truncate="windows", max_length=40, stride=8)
    rows = [row("What grew?", LONG, "In 1955"), row("What grew?", LONG)]
    windows = adapter.encode(rows, settings, targets=True).windows
    answered = [window for window in windows if window.row == 0]
    assert [window.target is None for window in answered].count(False) in (1, 2)
    assert all(window.target is None or (window.target > 0).all() for window in answered)
    assert all((window.target == 0).all() for window in windows if window.row == 1)


def test_encode_names_cut_questions_and_answers_that_no_window_holds(encoder):
    adapter = bare()
    rows = [
        row("why " * 60, LONG, "In 1900", id="q1"),
        row("What?", LONG, "In 1955", line=3, id="q2"),
        row("What?", LONG, "In 1900", line=4),
    ]
    encoded = adapter.encode(rows, encoder(max_length=64), targets=True)
    assert encoded.remarks == {
        "questions are cut to fit the window": ["train.csv:2 (id q1)"],
        "answers lie in no window": ["train.csv:3 (id q2)"],
    }
    assert (encoded.seen < encoded.tokens).all()
    assert set(adapter.encode(rows, encoder(max_length=64), targets=False).remarks) == {
        "questions are cut to fit the window"
    }


def straddling():
    """A tokenizer of bytes with a token of "a" and the first byte of "é"."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: index for index, token in enumerate(["<s>", "</s>", *alphabet, "aÃ"])}
    tokenizer = Tokenizer(models.BPE(vocabulary, [("a", "Ã")]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 1)]
    )
    return Encoder(tokenizer, EncodeSettings(), 512, 0)


@pytest.mark.parametrize("unanswerable", [False, True])
def test_encode_teaches_no_answer_that_ends_inside_a_token(unanswerable):
    adapter = bare(unanswerable=unanswerable)
    context = "aé be"
    rows = [row("Why?", context, "a"), row("Why?", context, "a", "be", line=3), row("Why?", context, "aé", line=4)]
    encoded = adapter.encode(rows, straddling(), targets=True)
    assert encoded.remarks == {"answers begin or end inside a token": ["train.csv:2", "train.csv:3"]}
    assert [window.target is None for window in encoded.windows] == [True, False, False]
    shares = np.maximum(adapter.target_batch(encoded.windows), 0).sum(axis=1)
    assert shares.tolist() == [[0, 0], [1, 1], [1, 1]]
    for window, answer in zip(encoded.windows[1:], ("be", "aé"), strict=True):
        ((start, end),) = window.target.tolist()
        assert context[window.detail.legal[start, 0] : window.detail.legal[end, 1]] == answer


def test_encode_of_nothing_is_nothing(encoder):
    assert bare().encode([], encoder(), targets=True).windows == []
    assert bare().decode([], [], 0) == []


def test_decode_never_crosses_the_gap_of_a_text_whose_middle_is_left_out(encoder):
    adapter = bare(n_best=10_000, max_answer_tokens=200)
    windows = adapter.encode([row("What?", LONG)], encoder(truncate="head-tail", max_length=24), targets=False).windows
    (record,) = adapter.decode([np.zeros((window.input_ids.size, 2)) for window in windows], windows, 1)
    middle = LONG.index("1930")
    assert len(record.detail["n_best"]) > 20
    assert not any(span["start"] < middle < span["end"] for span in record.detail["n_best"])
    assert {span["start"] < middle for span in record.detail["n_best"]} == {True, False}


@pytest.mark.parametrize("unanswerable", [False, True])
def test_decode_probabilities_sum_to_one_over_all_windows(encoder, unanswerable):
    adapter = bare(unanswerable=unanswerable, n_best=10_000, max_answer_tokens=6)
    limits = encoder(truncate="windows", max_length=30, stride=10)
    rows = [row("What grew?", LONG[:400]), row("Who?", "Nobody at all.")]
    windows = adapter.encode(rows, limits, targets=False).windows
    generator = np.random.default_rng(0)
    logits = [generator.normal(0, 2, (window.input_ids.size, 2)).astype(np.float32) for window in windows]
    for record in adapter.decode(logits, windows, 2):
        total = sum(span["score"] for span in record.detail["n_best"])
        if unanswerable:
            total += record.detail["n_best"][0]["score"] * np.exp(record.detail["null_difference"])
        assert total == pytest.approx(1)
        places = [(span["start"], span["end"]) for span in record.detail["n_best"]]
        assert len(places) == len(set(places))


@pytest.mark.parametrize(("null", "answer"), [(-20.0, "Oslo"), (20.0, "")])
def test_decode_weighs_no_answer_by_the_window_that_wants_it_least(encoder, null, answer):
    adapter = bare(unanswerable=True)
    context = f"They live in Oslo. {LONG}"
    windows = adapter.encode(
        [row("Where?", context)], encoder(truncate="windows", max_length=40), targets=False
    ).windows
    logits = certain(windows, "Oslo", null=30.0)
    logits[-1][0] = null
    (record,) = adapter.decode(logits, windows, 1)
    assert record.answer == answer
    assert record.detail["null_difference"] == pytest.approx(2 * null - 18, abs=0.01)
    assert record.score > 0.99
    assert (record.detail["start"] is None) == (answer == "")
    never = replace(adapter, settings=adapter.settings.model_copy(update={"threshold": 100.0}))
    assert never.decode(logits, windows, 1)[0].answer == "Oslo"


@pytest.mark.parametrize("unanswerable", [False, True])
def test_decode_of_a_context_without_tokens_is_no_answer(encoder, unanswerable):
    adapter = bare(unanswerable=unanswerable)
    rows = [row("Why?", "\u200b"), row("Why?", "Because.")]
    windows = adapter.encode(rows, encoder(), targets=False).windows
    records = adapter.decode([np.zeros((window.input_ids.size, 2)) for window in windows], windows, 2)
    assert (records[0].answer, records[0].score) == ("", 1.0 if unanswerable else None)
    assert list(records[0].detail["n_best"]) == []
    assert adapter.score(records, rows)["f1"] > 0


def test_loss_is_cross_entropy_over_legal_places(encoder):
    import torch

    adapter = bare(unanswerable=True)
    rows = [row("Where?", "They live in Oslo, Norway.", "Oslo", "Oslo", "Oslo, Norway"), row("Why?", "They live.")]
    windows = adapter.encode(rows, encoder(), targets=True).windows
    targets = adapter.target_batch(windows)
    logits = np.random.default_rng(0).normal(size=targets.shape).astype(np.float32)
    wanted = 0.0
    for line, scores in zip(targets, logits, strict=True):
        for side in (0, 1):
            legal = line[:, side] >= 0
            log_total = np.log(np.exp(scores[legal, side]).sum())
            wanted -= (line[legal, side] * (scores[legal, side] - log_total)).sum()
    tensor = torch.tensor(logits, requires_grad=True)
    loss = adapter.loss(tensor, torch.from_numpy(targets))
    assert loss.item() == pytest.approx(wanted, rel=1e-5)
    loss.backward()
    assert torch.isfinite(tensor.grad).all()
    assert not tensor.grad[torch.from_numpy(targets) < 0].any()
    assert adapter.count(targets) == 4


def test_tune_stores_a_threshold_that_is_used(encoder):
    adapter = bare(unanswerable=True)
    answered = [row("Where?", f"They live in Oslo number {n}.", "Oslo") for n in range(4)]
    rows = answered + [row("Why?", f"They live in Oslo number {n}.") for n in range(4)]
    windows = adapter.encode(rows, encoder(), targets=False).windows
    nulls = [11.0, 11.5, 12.0, 12.5, 13.0, 13.5, 14.0, 14.5]
    logits = [certain([window], "Oslo", null)[0] for window, null in zip(windows, nulls, strict=True)]
    assert adapter.score(adapter.decode(logits, windows, 8), rows)["f1"] == 0.5
    tuned = adapter.tune(logits, windows, rows)
    assert tuned.is_tuned
    assert 7 < tuned.fitted["null_threshold"] < 8
    assert json.loads(json.dumps(tuned.fitted)) == tuned.fitted
    scores = tuned.score(tuned.decode(logits, windows, 8), rows)
    assert scores == dict.fromkeys(scores, 1.0)
    assert set(scores) == {"exact_match", "f1", "answerable_exact_match", "answerable_f1", "unanswerable_accuracy"}
    assert not adapter.tune(logits[:4], windows[:4], answered).is_tuned
    for fixed in ({"threshold": "off"}, {"threshold": 1.0}, {"unanswerable": False}):
        assert not bare(**({"unanswerable": True} | fixed)).tune(logits, windows, rows).is_tuned


def test_scorer_report_and_severity_of_worked_answers(encoder):
    adapter = bare(unanswerable=True)
    rows = [
        row("Where is it?", "Oslo in Norway", "Oslo in Norway", "Norway"),
        row("Where is it?", "Oslo in Norway", "Oslo in Norway"),
        *[row("Who?", "Nobody") for _ in range(10)],
    ]
    windows = adapter.encode(rows, encoder(), targets=False).windows
    given = ["Norway", "Norway", "Nobody", *[""] * 9]
    logits = [
        certain([window], answer, -9.0 if answer else 9.0)[0] for window, answer in zip(windows, given, strict=True)
    ]
    records = adapter.decode(logits, windows, len(rows))
    assert [record.answer for record in records] == given
    scores = adapter.score(records, rows)
    assert scores["exact_match"] == pytest.approx(10 / 12)
    assert scores["f1"] == pytest.approx(10.5 / 12)
    assert scores["answerable_exact_match"] == 0.5
    assert scores["answerable_f1"] == 0.75
    assert scores["unanswerable_accuracy"] == 0.9
    assert adapter.scorer(records, rows)(np.array([1, 1]))["f1"] == 0.5
    kinds, words = adapter.report(records, rows)
    assert [line[:2] for line in kinds.rows] == [["answerable", 2], ["unanswerable", 10]]
    assert [line[:2] for line in words.rows] == [["who", 10]]
    assert [adapter.severity(record, example) is None for record, example in zip(records, rows, strict=True)] == [
        True, False, False, *[True] * 9,
    ]  # fmt: skip
    assert [adapter.gold(example) for example in rows[:3]] == ["Oslo in Norway", "Oslo in Norway", ""]
    assert [adapter.lessons(example) for example in rows[1:3]] == [["answer"], ["no answer"]]


@pytest.mark.parametrize("everything", [False, True])
def test_cells_have_the_promised_names_and_are_json(encoder, everything):
    adapter = bare(n_best=3)
    windows = adapter.encode([row("Where?", "In Oslo.")], encoder(), targets=False).windows
    (record,) = adapter.decode(certain(windows, "Oslo"), windows, 1)
    cells = adapter.cells(record, everything=everything)
    assert list(cells) == adapter.cell_names(everything=everything)
    assert json.loads(json.dumps(cells)) == cells
    assert (cells["answer"], cells["start"]) == ("Oslo", 3)
    assert ("n_best" in cells) == everything


def test_is_unlabelled_depends_on_whether_there_may_be_no_answer():
    assert bare().is_unlabelled(unlabelled())
    assert not bare(unanswerable=True).is_unlabelled(unlabelled())
    without = Example("input.csv", 2, {"question": "Why?", "context": "a"})
    assert bare(unanswerable=True).is_unlabelled(without)
    assert not bare().is_unlabelled(row("Why?", "a b", "b"))


def test_learn_labels_without_any_answer_is_refused():
    with pytest.raises(DataError, match=r"train\.csv: no training row has an answer"):
        bare(unanswerable=True).learn_labels([unlabelled()])


def test_group_is_the_document():
    assert bare().group(row("Why?", "a", title="A")) == "A"
    assert bare().group(row("Why?", "a", title="")) == bare().group(row("Who?", "a")) == "a"


def test_mend_is_that_of_answers():
    found = bare().mend(Examples("t", [Example("t", 2, {"question": "?", "context": "a b", "answers": "b"})]), "stop")
    assert found.rows[0].values["answers"] == [{"text": "b", "start": 2}]


@pytest.mark.parametrize(
    ("names", "answers", "settings"),
    [
        (("question", "context", "answers"), ["Oslo", {"text": ["Norway"], "answer_start": [8]}], {}),
        (("Query", "Passage", "answer"), ["Oslo", "", "Norway"], {"unanswerable": True}),
    ],
)
def test_infer_knows_tables_of_questions(names, answers, settings):
    rows = [{"id": "x", **dict(zip(names, ["Where?", "Oslo in Norway", cell], strict=True))} for cell in answers]
    guess = adapters.load("question-answering").infer(["id", *names], rows, {})
    assert guess.columns == dict(zip(("question", "context", "answers"), names, strict=True))
    assert guess.settings == settings
    assert guess.encode["truncate"] == "windows"
    assert guess.confidence == 0.95


@pytest.mark.parametrize(
    ("header", "answer"),
    [(("question", "passage", "answer"), "true"), (("question", "context", "label"), "Oslo"), (("text", "label"), "x")],
)
def test_infer_leaves_other_tables(header, answer):
    rows = [dict(zip(header, [*["Oslo in Norway"] * (len(header) - 1), answer], strict=True))] * 3
    assert adapters.load("question-answering").infer(header, rows, {}) is None
