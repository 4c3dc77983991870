import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from bertkit.adapters._encoder import Encoder, Window
from bertkit.adapters._question_answering.contexts import Shown, Tokens, target, target_batch
from bertkit.recipe.schema import EncodeSettings

CONTEXTS = (
    "Oslo, the capital of Norway, has 700,000 people.",
    " 挪威的首都是奥斯陆 ,人口七十万。",
    "عاصمة النرويج هي أوسلو.",
    "בירת נורווגיה היא אוסלו.",
    "\t🙂 naïve café\n\nend ",
)


@pytest.fixture(scope="module")
def byte_pairs():
    """A tokenizer of bytes, whose tokens begin with a blank and may be parts of a character."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(["the capital of Norway"], trainer)
    return Encoder(tokenizer, EncodeSettings(), 512, 0)


@pytest.fixture(scope="module", params=["words", "bytes"])
def encoder(request):
    if request.param == "bytes":
        return request.getfixturevalue("byte_pairs")
    return Encoder.load(request.getfixturevalue("minilm_folder"), EncodeSettings(), 512, 0)


def tokens(encoder, context):
    return Tokens.of(context, *encoder.ids_and_offsets([context])[0])


@pytest.mark.parametrize("context", CONTEXTS)
def test_tokens_begin_and_stop_at_characters_that_are_not_blank(encoder, context):
    found = tokens(encoder, context)
    begins, stops = found.legal.T
    assert (begins >= 0).any()
    for begin in begins[begins >= 0]:
        assert not context[begin].isspace()
    for stop in stops[stops >= 0]:
        assert not context[stop - 1].isspace()
    # A place belongs to one token, so that no answer is found twice.
    for places in (begins[begins >= 0], stops[stops >= 0]):
        assert len(set(places.tolist())) == len(places)
    assert {c for c in context if not c.isspace()} <= set("".join(context[a:b] for a, b in found.edges if a < b))


@pytest.mark.parametrize("context", CONTEXTS)
def test_tokens_span_gives_the_text_back(encoder, context):
    found = tokens(encoder, context)
    begins, stops = found.legal.T
    for first in np.flatnonzero(begins >= 0):
        for last in np.flatnonzero(stops >= 0):
            if first <= last:
                assert found.span(begins[first], stops[last]) == (first, last)


def test_tokens_span_widens_to_whole_tokens(minilm_folder):
    encoder = Encoder.load(minilm_folder, EncodeSettings(), 512, 0)
    found = tokens(encoder, "born in 1985 at home")
    assert found.span(8, 10) == found.span(8, 12) == (2, 2)
    assert tokens(encoder, "a   b").span(1, 3) is None


def window(kept, start=3, spans=(), length=9):
    """A window over a context of ten tokens of one letter."""
    kept = np.array(kept)
    place = np.append(0, np.flatnonzero(np.diff(kept) != 1) + 1)
    runs = np.stack([start + place, np.diff(np.append(place, kept.size)), kept[place]], axis=1)
    legal = np.full((length, 2), -1)
    legal[start : start + kept.size] = np.stack([kept, kept + 1], axis=1)
    shown = Shown("abcdefghij", legal, runs)
    ids = np.zeros(length, np.int32)
    return Window(0, ids, ids, target(spans, shown), shown)


@pytest.mark.parametrize(
    ("kept", "spans", "positions"),
    [
        ([0, 1, 2, 3], [(1, 2)], [[4, 5]]),
        ([4, 5, 6], [(4, 6)], [[3, 5]]),
        ([4, 5, 6], [(3, 4), (6, 7), (0, 1)], None),
        ([0, 1, 8, 9], [(1, 8)], None),
        ([0, 1, 8, 9], [(8, 9), (0, 0), (8, 9)], [[5, 6], [3, 3], [5, 6]]),
        ([4, 5, 6], [], None),
    ],
)
def test_target_holds_the_answers_of_the_window(kept, spans, positions):
    found = window(kept, spans=spans).target
    assert (found if found is None else found.tolist()) == positions


@pytest.mark.parametrize("null", [False, True])
def test_target_batch_weighs_votes_and_marks_illegal_places(null):
    voted = window([0, 1, 2], spans=[(0, 1), (0, 1), (0, 2), (1, 1)])
    bare = window([0, 1], length=6)
    batch = target_batch([voted, bare], null)
    assert batch.shape == (2, 9, 2)
    first = 0 if null else -1
    assert batch[0, :, 0].tolist() == [first, -1, -1, 0.75, 0.25, 0, -1, -1, -1]
    assert batch[0, :, 1].tolist() == [first, -1, -1, 0, 0.75, 0.25, -1, -1, -1]
    assert batch[1, :, 0].tolist() == [first, -1, -1, 0, 0, -1, -1, -1, -1]
