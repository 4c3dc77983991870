import itertools
import random

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers

from bertkit.adapters._encoder import Encoder, cut, share
from bertkit.recipe.schema import EncodeSettings

PIECES = (
    "the", "a", "film", "unbelievable", "re-run", "don't", "3.14", "...", "!", "naïve", "Straße", "ﬁne", "e\u0301",
    "电影", "很好看", "映画", "🙂", "👩‍👩‍👧", "\u200b", "\u00a0", "\t", "\n", "[SEP]", "<s>", "x" * 120, "мир", "שלום",
)  # fmt: skip
HOW = ("head", "tail", "head-tail", "windows")


def texts(count, longest, seed=0):
    generator = random.Random(seed)
    sizes = [0, 0, 1] + [generator.randint(0, longest) for _ in range(count - 3)]
    generator.shuffle(sizes)
    return [" ".join(generator.choices(PIECES, k=size)) for size in sizes]


def byte_pairs(post_processor):
    """A RoBERTa-like tokenizer: bytes, merges and the frame of a post-processor."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<s>", "<pad>", "</s>", "[CLS]", "[SEP]"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(["the film was fine", "a film that was not fine at all"], trainer)
    tokenizer.post_processor = post_processor
    return tokenizer


FRAMES = {
    "roberta": processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False),
    "one segment": processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:0 [SEP]:0", special_tokens=[("[CLS]", 3), ("[SEP]", 4)]
    ),
    "two segments": processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 3), ("[SEP]", 4)]
    ),
    "none": processors.ByteLevel(),
}


@pytest.fixture(params=["minilm", *FRAMES])
def load(request):
    """From [encode] settings to an encoder with a tokenizer of its own."""
    if request.param == "minilm":
        folder = request.getfixturevalue("minilm_folder")
        return lambda settings, limit=512: Encoder.load(folder, settings, limit, 0)
    return lambda settings, limit=512: Encoder(byte_pairs(FRAMES[request.param]), settings, limit, 1)


def only_window(encoder, *row):
    (view,) = encoder.views(*encoder.ids(row))
    return view.input_ids.tolist(), view.segment_ids.tolist()


@pytest.mark.parametrize("length", [8, 33, 128])
def test_encoder_gives_what_the_tokenizer_of_transformers_gives(minilm_folder, length):
    from transformers import AutoTokenizer

    reference = AutoTokenizer.from_pretrained(minilm_folder)
    encoder = Encoder.load(minilm_folder, EncodeSettings(max_length=length), 512, 0)
    first, second = texts(150, 60), texts(150, 60, seed=1)
    for columns in ((first,), (first, second)):
        wanted = reference(*columns, truncation=True, max_length=length)
        for line, row in enumerate(zip(*columns, strict=True)):
            assert only_window(encoder, *row) == (wanted["input_ids"][line], wanted["token_type_ids"][line]), row


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("length", [8, 21, 64])
def test_encoder_gives_what_longest_first_truncation_gives(frame, length):
    reference = byte_pairs(FRAMES[frame])
    reference.enable_truncation(length, strategy="longest_first")
    encoder = Encoder(byte_pairs(FRAMES[frame]), EncodeSettings(max_length=length), 512, 1)
    for a, b in zip(texts(100, 12), texts(100, 12, seed=1), strict=True):
        for row in ((a,), (a, b)):
            wanted = reference.encode(*row)
            assert only_window(encoder, *row) == (wanted.ids, wanted.type_ids), row


def test_encoder_switches_off_the_limits_that_come_with_a_tokenizer():
    tokenizer = byte_pairs(FRAMES["roberta"])
    tokenizer.enable_truncation(4)
    tokenizer.enable_padding(length=50)
    (ids,) = Encoder(tokenizer, EncodeSettings(), 512, 1).ids(["a film that was not fine at all"])
    assert 4 < ids.size < 50
    assert ids.dtype == np.int32


def test_encoder_is_limited_by_the_model(load):
    encoder = load(EncodeSettings(max_length=256), limit=32)
    assert encoder.max_length == 32
    assert {view.input_ids.size for view in encoder.views(np.arange(100, dtype=np.int32))} == {32}


@pytest.mark.parametrize("how", HOW)
def test_windows_are_never_too_long_and_their_count_of_new_tokens_is_right(load, how):
    encoder = load(EncodeSettings(max_length=24, truncate=how, stride=5))
    for row in [(text,) for text in texts(60, 30)] + list(zip(texts(60, 30), texts(60, 30, seed=1), strict=True)):
        ids = [np.arange(part.size, dtype=np.int32) + 1000 * (place + 1) for place, part in enumerate(encoder.ids(row))]
        shown = set()
        for view in encoder.views(*ids):
            assert view.input_ids.size == view.segment_ids.size <= 24
            assert (view.input_ids[view.start :][: view.kept.size] == ids[-1][view.kept]).all()
            content = {token for token in view.input_ids.tolist() if token >= 1000}
            assert view.fresh == len(content - shown)
            shown |= content
        every = {token for part in ids for token in part.tolist()}
        assert shown <= every
        assert (how == "windows" and len(row) == 1) <= (shown == every)
        assert len(shown) >= min(len(every), 24 - (encoder.single if len(row) == 1 else encoder.pair).size)


def test_windows_of_a_pair_show_all_of_the_second_text_beside_a_short_first_one(load):
    encoder = load(EncodeSettings(max_length=24, truncate="windows", stride=4))
    first, second = np.arange(1000, 1006, dtype=np.int32), np.arange(2000, 2100, dtype=np.int32)
    windows = [view.input_ids.tolist() for view in encoder.views(first, second)]
    assert len(windows) > 3
    assert all(set(first.tolist()) <= set(window) for window in windows)
    assert set(second.tolist()) == {token for window in windows for token in window if token >= 2000}


@pytest.mark.parametrize(("length", "room", "stride"), [(100, 20, 5), (101, 20, 0), (21, 20, 19), (500, 30, 64)])
def test_cut_windows_share_the_stride_and_reach_the_end(length, room, stride):
    parts = cut(length, room, "windows", stride)
    shared = min(stride, room // 2)
    assert sorted(set(np.concatenate(parts).tolist())) == list(range(length))
    for before, after in itertools.pairwise(parts):
        assert before.size == room
        assert np.intersect1d(before, after).size == shared
    assert parts[-1].size > shared


@pytest.mark.parametrize(
    ("how", "kept"),
    [
        ("head", [0, 1, 2, 3, 4, 5, 6, 7]),
        ("tail", [12, 13, 14, 15, 16, 17, 18, 19]),
        ("head-tail", [0, 1, 14, 15, 16, 17, 18, 19]),
    ],
)
def test_cut_keeps_the_named_part(how, kept):
    (part,) = cut(20, 8, how, 4)
    assert part.tolist() == kept


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("length", [0, 7, 8])
def test_cut_leaves_a_text_that_fits(how, length):
    (part,) = cut(length, 8, how, 4)
    assert part.tolist() == list(range(length))


@pytest.mark.parametrize(
    ("first", "second", "room", "rooms"),
    [
        (3, 4, 10, (3, 4)),
        (3, 40, 10, (3, 7)),
        (40, 3, 10, (7, 3)),
        (40, 30, 10, (5, 5)),
        (40, 30, 11, (6, 5)),
        (30, 40, 11, (5, 6)),
        (0, 40, 10, (0, 10)),
    ],
)
def test_share_cuts_the_longer_text_first(first, second, room, rooms):
    assert share(first, second, room) == rooms
