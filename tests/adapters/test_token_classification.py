import numpy as np
import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from bertkit import adapters
from bertkit.adapters._encoder import Encoder
from bertkit.data.examples import Example, Examples
from bertkit.recipe.schema import EncodeSettings

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]


def wordpiece():
    """BERT's tokenizer with every letter of the tests, so that each word has as many tokens as letters."""
    letters = "abcdefghijklmnopqrstuvwxyz.,0123456789ברךאובמהישלםمحدفيقرةاخن北京大学在中国很美"
    pieces = SPECIAL + sorted(set(letters)) + [f"##{letter}" for letter in sorted(set(letters))]
    tokenizer = Tokenizer(models.WordPiece({piece: index for index, piece in enumerate(pieces)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return wrapped(tokenizer)


def sentencepiece():
    """XLM-R's kind of tokenizer, with pieces that span several Chinese words."""
    pieces = ["<s>", "</s>", "▁", "▁北京", "大学", "在", "中国", "▁in", "▁new", "▁york", "▁"]
    vocabulary = [("<unk>", 0.0), *((piece, -1.0) for piece in dict.fromkeys(pieces))]
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=0))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    return wrapped(tokenizer, "<s>", "</s>")


def wrapped(tokenizer, start="[CLS]", end="[SEP]"):
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{start} $A {end}",
        pair=f"{start} $A {end} $B:1 {end}:1",
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in (start, end)],
    )
    return tokenizer


def encoder(tokenizer=None, **settings):
    return Encoder(tokenizer or wordpiece(), EncodeSettings(**settings), 512, 0)


def row(tokens, tags, line=1):
    return Example("train.conll", line, {"tokens": tokens.split(" "), "tags": tags.split()})


def text(value, *spans, line=1):
    return Example("train.jsonl", line, {
        "text": value, "spans": [dict(zip(("start", "end", "type"), span, strict=True)) for span in spans]
    })  # fmt: skip


def learnt(rows, **settings):
    adapter = adapters.create("token-classification", settings)
    return adapter.learn_labels(adapter.mend(Examples("train", rows), "stop").rows)


def sure(adapter, encoded):
    """Logits of a model that has learnt the targets by heart."""
    return [
        np.where(np.arange(len(adapter.labels)) == np.reshape(
            np.full(window.input_ids.size, -100) if window.target is None else window.target, (-1, 1)
        ), 20.0, 0.0)
        for window in encoded.windows
    ]  # fmt: skip


def relearnt(rows, using, **settings):
    """What comes back from a model that has learnt the rows by heart."""
    adapter = learnt(rows, **settings)
    encoded = adapter.encode(rows, using, targets=True)
    return adapter, encoded, adapter.decode(sure(adapter, encoded), encoded.windows, len(rows))


NEW_YORK = row("anna is in new york .", "B-PER O O B-LOC I-LOC O")
CHINESE = text("北京大学在中国很美。", (0, 4, "ORG"), (5, 7, "LOC"))
HEBREW = text("ברק אובמה בירושלים.", (0, 9, "PER"), (10, 18, "LOC"))
ARABIC = row("محمد في القاهرة .", "B-PER O B-LOC O")


@pytest.mark.parametrize("settings", [{}, {"truncate": "windows", "max_length": 10, "stride": 4}])
@pytest.mark.parametrize("example", [NEW_YORK, CHINESE, HEBREW, ARABIC], ids=["words", "chinese", "hebrew", "arabic"])
def test_decode_gives_back_what_was_taught(example, settings):
    adapter, encoded, (record,) = relearnt([example], encoder(**settings))
    assert [{**entity, "score": None} for entity in record.answer] == [
        {**entity, "score": None} for entity in adapter.gold(example)
    ]
    assert adapter.severity(record, example) is None
    assert adapter.score([record], [example])["f1"] == 1
    assert not encoded.remarks
    assert record.score == pytest.approx(1, abs=1e-3)
    assert [entity["score"] for entity in record.answer] == pytest.approx([1] * len(record.answer), abs=1e-3)


def test_decode_answers_entities_with_characters_and_text():
    _, _, (record,) = relearnt([NEW_YORK], encoder())
    anna, new_york = record.answer
    assert {**new_york, "score": 1} == {"type": "LOC", "start": 11, "end": 19, "text": "new york", "score": 1}
    assert list(anna) == ["type", "start", "end", "text", "score"]
    assert record.detail["tags"] == NEW_YORK.values["tags"]
    assert record.detail["words"][4] == [15, 19]


@pytest.mark.parametrize(("max_length", "stride"), [(8, 0), (8, 3), (16, 4), (64, 16)])
def test_windows_lose_nothing_of_a_long_sentence(max_length, stride):
    rng = np.random.default_rng(0)
    tags = [tag for _ in range(40) for tag in rng.choice(["O", "O B-PER I-PER", "B-LOC I-LOC I-LOC"]).split()]
    long = row(" ".join("ab" for _ in tags), " ".join(tags))
    using = encoder(truncate="windows", max_length=max_length, stride=stride)
    adapter, encoded, (record,) = relearnt([long], using)
    assert len(encoded.windows) > 1
    assert encoded.seen.tolist() == encoded.tokens.tolist()
    assert adapter.count(adapter.target_batch(encoded.windows)) == len(tags)
    assert record.detail["tags"] == tags


def test_decode_answers_words_that_no_window_holds():
    long = row(" ".join(["ab"] * 10), "O O O " + "B-PER I-PER " * 3 + "O")
    adapter, encoded, (record,) = relearnt([long], encoder(truncate="head", max_length=10))
    assert encoded.seen[0] < encoded.tokens[0]
    assert record.detail["tags"] == ["O", "O", "O", "B-PER", *["O"] * 6]
    assert record.score == pytest.approx(1, abs=1e-3)
    assert adapter.score([record], [long])["recall"] == 0


@pytest.mark.parametrize("word", ["\u200b", "", "\u200d"])
def test_words_without_a_token_shift_nothing_and_are_listed(word):
    example = row(f"anna {word} in new york", "B-PER O O B-LOC I-LOC", line=7)
    _, encoded, (record,) = relearnt([example], encoder())
    assert record.detail["tags"] == example.values["tags"]
    (places,) = encoded.remarks.values()
    assert list(encoded.remarks) == ["words have no token"]
    assert places == [f'train.conll:7 "{word.encode("unicode_escape").decode()}"']


def test_words_without_a_token_end_an_entity_and_count_against_recall():
    example = row("new \u200b york", "B-LOC I-LOC I-LOC")
    adapter, _, (record,) = relearnt([example], encoder())
    assert record.detail["tags"] in (["B-LOC", "O", "B-LOC"], ["B-LOC", "O", "O"])
    assert adapter.score([record], [example])["recall"] == 0


def test_a_row_without_any_token_is_answered():
    rows = [NEW_YORK, row("\u200b \u200b", "O O")]
    _, encoded, records = relearnt(rows, encoder())
    assert [window.target is None for window in encoded.windows] == [False, True]
    assert records[1].answer == []
    assert records[1].score == 0


def test_a_text_of_invisible_characters_is_trained_around_and_its_entities_are_out_of_reach():
    rows = [HEBREW, text("\u200b", line=2), text("\u200b", (0, 1, "PER"), line=3)]
    adapter, encoded, records = relearnt(rows, encoder())
    assert [window.target is None for window in encoded.windows] == [False, True, True]
    assert encoded.remarks == {"entities do not fall on word borders": ['train.jsonl:3 "\u200b"']}
    assert [record.answer for record in records[1:]] == [[], []]
    assert adapter.score(records, rows)["recall"] == pytest.approx(2 / 3)


def test_emoji_and_marks_are_words_like_others():
    example = row("anna 😀 wo\u0301rd ❤️ york", "B-PER O O O B-LOC")
    _, encoded, (record,) = relearnt([example], encoder())
    assert record.detail["tags"] == example.values["tags"]
    assert not encoded.remarks


def test_words_in_one_piece_are_answered_as_one():
    rows = [text("北京大学在中国", (0, 4, "ORG"), (5, 7, "LOC")), row("in new york", "O B-LOC I-LOC")]
    adapter, encoded, records = relearnt(rows, encoder(sentencepiece()))
    assert not encoded.remarks
    assert [entity["text"] for entity in records[0].answer] == ["北京大学", "中国"]
    assert records[1].detail["tags"] == ["O", "B-LOC", "I-LOC"]
    assert adapter.score(records, rows)["f1"] == 1


@pytest.mark.parametrize(
    ("example", "using", "remark"),
    [
        (text("unbelievable news", (2, 9, "X")), encoder(), "entities do not fall on word borders"),
        (text("在中国", (2, 3, "X")), encoder(sentencepiece()), "entities begin or end inside a token"),
    ],
)
def test_entities_out_of_reach_are_listed_and_still_counted(example, using, remark):
    adapter, encoded, (record,) = relearnt([example], using)
    (entity,) = adapter.gold(example)
    assert encoded.remarks == {remark: [f'train.jsonl:1 "{entity["text"]}"']}
    assert adapter.score([record], [example])["recall"] == 0


def test_decode_never_answers_an_illegal_sequence():
    rng = np.random.default_rng(0)
    rows = [row(" ".join(["ab"] * size), " ".join(["O"] * size)) for size in rng.integers(1, 30, size=60)]
    adapter = learnt([NEW_YORK])
    encoded = adapter.encode(rows, encoder(truncate="windows", max_length=16, stride=4), targets=False)
    logits = [rng.normal(size=(window.input_ids.size, 5)) * 3 for window in encoded.windows]
    for record in adapter.decode(logits, encoded.windows, len(rows)):
        before = "O"
        for tag in record.detail["tags"]:
            assert tag[0] != "I" or before[1:] == tag[1:]
            before = tag
        assert len(record.answer) == sum(tag[0] == "B" for tag in record.detail["tags"])


def test_free_tags_give_lost_words_the_most_frequent_one():
    rows = [row("anna \u200b sees new york", "N X V N N"), row("\u200b", "N")]
    adapter, encoded, records = relearnt(rows, encoder(), labels="tags")
    assert records[0].answer == ["N", "N", "V", "N", "N"]
    assert records[1].answer == ["N"]
    assert adapter.by_word(records[0]) == records[0].answer
    gold, answers = adapter.arrays(records, rows)
    assert gold.shape == answers.shape == (6,)
    assert (gold == answers).sum() == 5
    assert len(encoded.remarks["words have no token"]) == 2


@pytest.mark.parametrize("kind", ["entities", "tags"])
def test_raw_text_without_labels_is_answered(kind):
    adapter = learnt([NEW_YORK], labels=kind)
    raw = Example("stdin", 1, {"text": "anna, in new york."})
    encoded = adapter.encode([raw], encoder(), targets=False)
    logits = [np.zeros((window.input_ids.size, len(adapter.labels))) for window in encoded.windows]
    (record,) = adapter.decode(logits, encoded.windows, 1)
    assert record.detail["words"] == [[0, 4], [4, 5], [6, 8], [9, 12], [13, 17], [17, 18]]
    assert adapter.cells(record, everything=True).keys() == set(adapter.cell_names(everything=True))
    assert adapter.by_word(record) == record.detail["tags"]


def test_free_tags_of_raw_text_come_with_their_words():
    adapter = learnt([row("anna sees", "N V")], labels="tags")
    raw = Example("stdin", 1, {"text": "anna, \u200bsees"})
    encoded = adapter.encode([raw], encoder(), targets=False)
    logits = [np.tile([0.0, 9.0], (window.input_ids.size, 1)) for window in encoded.windows]
    (record,) = adapter.decode(logits, encoded.windows, 1)
    assert record.answer == [
        {"tag": "V", "start": 0, "end": 4, "text": "anna"},
        {"tag": "V", "start": 4, "end": 5, "text": ","},
        {"tag": "V", "start": 7, "end": 11, "text": "sees"},
    ]
    assert adapter.by_word(record) == ["V", "V", "V"]


@pytest.mark.parametrize(
    ("examples", "tags"),
    [
        ([NEW_YORK, ARABIC], NEW_YORK.values["tags"] + ARABIC.values["tags"]),
        ([HEBREW], ["B-PER", "I-PER", "B-LOC", "O"]),
    ],
)
def test_arrays_compare_tags_word_by_word(examples, tags):
    adapter, _, records = relearnt(examples, encoder())
    gold, answers = adapter.arrays(records, examples)
    assert [adapter.labels[tag] for tag in gold] == tags
    assert (gold == answers).all()


def test_loss_is_the_sum_over_words_whatever_the_padding():
    torch = pytest.importorskip("torch")
    adapter = learnt([NEW_YORK, ARABIC])
    windows = adapter.encode([NEW_YORK, ARABIC], encoder(), targets=True).windows
    targets = torch.from_numpy(adapter.target_batch(windows))
    logits = torch.randn(*targets.shape, len(adapter.labels), generator=torch.Generator().manual_seed(0))
    assert adapter.count(targets.numpy()) == 10
    right = logits.log_softmax(-1).gather(-1, targets.clamp(min=0)[..., None])[..., 0]
    assert adapter.loss(logits, targets).item() == pytest.approx(-right[targets >= 0].sum().item(), rel=1e-5)
    alone = [
        adapter.loss(logits[line : line + 1, : window.input_ids.size], torch.from_numpy(adapter.target_batch([window])))
        for line, window in enumerate(windows)
    ]
    assert sum(alone).item() == pytest.approx(adapter.loss(logits, targets).item(), rel=1e-5)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"tokens": ["a"], "tags": None}, True),
        ({"tokens": ["a"], "tags": ""}, True),
        ({"tokens": ["a"]}, True),
        ({"tokens": ["a"], "tags": ["O"]}, False),
        ({"text": "a", "spans": None}, True),
        ({"text": "a", "spans": " "}, True),
        ({"text": "a", "spans": []}, False),
        ({"text": "a"}, True),
    ],
)
def test_is_unlabelled_tells_missing_labels_from_no_entities(values, expected):
    assert adapters.create("token-classification", {}).is_unlabelled(Example("f", 1, values)) is expected


def ceiling(adapter, rows, limits):
    reached = adapter.reach(rows, adapter.encode(rows, limits, targets=False))
    return reached, adapter.ceiling(reached, rows)


@pytest.mark.parametrize("limits", [{}, {"truncate": "windows", "max_length": 12, "stride": 4}])
def test_reach_gives_every_entity_that_some_window_shows(limits):
    rows = [row("oslo is in norway", "B-LOC O O B-LOC"), row("new york city", "B-LOC I-LOC I-LOC")]
    reached, scores = ceiling(learnt(rows), rows, encoder(**limits))
    assert [len(record.answer) for record in reached] == [2, 1]
    assert scores == {"f1": 1, "recall": 1, "f1_macro": 1}


def test_reach_leaves_out_what_is_cut_in_the_middle():
    rows = [row("oslo is in new york", "B-LOC O O B-LOC I-LOC")]
    reached, scores = ceiling(learnt(rows), rows, encoder(max_length=13))
    assert [entity["text"] for entity in reached[0].answer] == ["oslo"]
    assert scores["recall"] == 0.5


def test_reach_leaves_out_entities_off_the_borders_of_words():
    rows = [text("rome is old", (0, 3, "LOC"), (8, 11, "AGE"))]
    reached, scores = ceiling(learnt(rows), rows, encoder())
    assert [entity["text"] for entity in reached[0].answer] == ["old"]
    assert scores["recall"] == 0.5


def test_reach_of_words_in_one_token_is_the_tag_of_most_of_them():
    rows = [row("北 京 大学", "A B B"), row("大学", "B")]
    adapter = learnt(rows, labels="tags")
    reached, scores = ceiling(adapter, rows, encoder(joined()))
    assert [record.answer for record in reached] == [["B", "B", "B"], ["B"]]
    assert scores == {"accuracy": 0.75}


def joined():
    """A tokenizer with one token for a whole text."""
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0, "[CLS]": 1, "[SEP]": 2}, unk_token="[UNK]"))
    return wrapped(tokenizer)
