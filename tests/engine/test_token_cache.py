import os

import numpy as np
import pytest

from bertkit.adapters._encoder import Encoder
from bertkit.engine import token_cache
from bertkit.engine.tokenizer import load_encoder
from bertkit.errors import Interrupted
from bertkit.recipe.schema import EncodeSettings

pytest_plugins = ("tests.fixtures",)

TEXTS = ["A short text.", "", "A naïve café 日本 😂", "the same the same"]


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("BERTKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(token_cache, "FEWEST_CHARACTERS", 1)
    return token_cache.folder()


@pytest.fixture
def encoder(minilm_folder):
    return load_encoder(minilm_folder, EncodeSettings(), 512)


@pytest.fixture
def untouched(monkeypatch):
    """From its call on, nothing may be tokenised."""

    def refuse(encoder, texts):
        raise AssertionError("tokenised again")

    def begin():
        monkeypatch.setattr(Encoder, "ids", refuse)
        monkeypatch.setattr(Encoder, "ids_and_offsets", refuse)

    return begin


def same(one, other):
    return len(one) == len(other) and all(
        a.dtype == b.dtype == np.int32 and np.array_equal(a, b) for a, b in zip(one, other, strict=True)
    )


def test_cached_ids_are_those_of_the_tokenizer(place, encoder, untouched):
    plain = encoder.ids(TEXTS)
    assert same(token_cache.cached(encoder).ids(TEXTS), plain)
    untouched()
    assert same(token_cache.cached(encoder).ids(TEXTS), plain)


def test_cached_offsets_are_those_of_the_tokenizer(place, encoder, untouched):
    plain = encoder.ids_and_offsets(TEXTS)
    first = token_cache.cached(encoder).ids_and_offsets(TEXTS)
    untouched()
    again = token_cache.cached(encoder).ids_and_offsets(TEXTS)
    for found in (first, again):
        for part in (0, 1):
            assert same([pair[part] for pair in found], [pair[part] for pair in plain])


def test_settings_of_the_recipe_find_the_same_file(place, encoder, minilm_folder, untouched):
    plain = token_cache.cached(encoder).ids(TEXTS)
    other = load_encoder(minilm_folder, EncodeSettings(max_length=16, truncate="windows"), 512)
    untouched()
    assert same(token_cache.cached(other).ids(TEXTS), plain)


@pytest.mark.parametrize("texts", [TEXTS[::-1], [*TEXTS[:-1], "another"], ["A short text.A", *TEXTS[1:]], TEXTS[:-1]])
def test_other_texts_are_tokenised(place, encoder, texts):
    cached = token_cache.cached(encoder)
    cached.ids(TEXTS)
    assert same(cached.ids(texts), encoder.ids(texts))
    assert len(list(place.iterdir())) == 2


def test_another_tokenizer_finds_nothing(place, encoder, minilm_folder):
    other = load_encoder(minilm_folder, EncodeSettings(), 512)
    other.tokenizer.add_tokens(["naïve"])
    token_cache.cached(encoder).ids(TEXTS)
    assert same(token_cache.cached(other).ids(TEXTS), other.ids(TEXTS))
    assert not same(other.ids(TEXTS), encoder.ids(TEXTS))


@pytest.mark.parametrize("at", [None, 0.2, 0.5, 0.99])
def test_a_damaged_file_is_written_again(place, encoder, at):
    cached = token_cache.cached(encoder)
    cached.ids(TEXTS)
    (path,) = place.iterdir()
    whole = path.read_bytes()
    if at is None:
        path.write_bytes(whole[: len(whole) // 2])
    else:
        spot = int(len(whole) * at)
        path.write_bytes(whole[:spot] + bytes([whole[spot] ^ 255]) + whole[spot + 1 :])
    assert same(cached.ids(TEXTS), encoder.ids(TEXTS))
    assert token_cache.read(path, TEXTS) is not None


def test_every_flipped_byte_of_the_ids_is_noticed(place, encoder):
    token_cache.cached(encoder).ids(TEXTS)
    (path,) = place.iterdir()
    whole = path.read_bytes()
    ids = np.concatenate(encoder.ids(TEXTS)).tobytes()
    start = whole.index(ids)
    for spot in range(start, start + len(ids)):
        path.write_bytes(whole[:spot] + bytes([whole[spot] ^ 1]) + whole[spot + 1 :])
        assert token_cache.read(path, TEXTS) is None


def test_few_texts_leave_no_file(place, encoder, monkeypatch):
    monkeypatch.setattr(token_cache, "FEWEST_CHARACTERS", 1000)
    assert same(token_cache.cached(encoder).ids(TEXTS), encoder.ids(TEXTS))
    assert not place.exists()


def test_a_folder_that_cannot_be_written_is_no_error(place, encoder):
    place.parent.write_text("a file where the folder should be")
    assert same(token_cache.cached(encoder).ids(TEXTS), encoder.ids(TEXTS))


def test_what_is_larger_than_the_limit_is_not_written_and_removes_nothing(place, encoder, monkeypatch):
    cached = token_cache.cached(encoder)
    cached.ids(TEXTS)
    before = list(place.iterdir())
    monkeypatch.setattr(token_cache, "MOST_BYTES", before[0].stat().st_size)
    assert same(cached.ids(TEXTS * 100), encoder.ids(TEXTS * 100))
    assert list(place.iterdir()) == before


def test_a_signal_while_a_file_is_read_is_not_taken_for_damage(place, encoder, monkeypatch):
    cached = token_cache.cached(encoder)
    cached.ids(TEXTS)

    def stop(*given, **named):
        raise Interrupted("stopped by SIGTERM", signal_number=15)

    monkeypatch.setattr(np, "load", stop)
    with pytest.raises(Interrupted):
        cached.ids(TEXTS)


def test_an_empty_setting_switches_the_cache_off(encoder, monkeypatch):
    monkeypatch.setenv("BERTKIT_CACHE", "")
    assert token_cache.cached(encoder) is encoder


@pytest.mark.parametrize(
    ("settings", "folder"),
    [
        ({"BERTKIT_CACHE": "/one", "XDG_CACHE_HOME": "/two", "HOME": "/three"}, "/one/tokens"),
        ({"XDG_CACHE_HOME": "/two", "HOME": "/three"}, "/two/bertkit/tokens"),
        ({"HOME": "/three"}, "/three/.cache/bertkit/tokens"),
    ],
)
def test_the_folder_is_the_first_that_is_named(settings, folder, monkeypatch):
    for name in ("BERTKIT_CACHE", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert token_cache.folder().as_posix() == folder


def test_what_was_not_used_for_longest_goes_first(place, encoder, monkeypatch):
    cached = token_cache.cached(encoder)
    sets = [[*TEXTS, str(number)] for number in range(3)]
    for age, texts in zip((30, 20, 10), sets[:2], strict=False):
        cached.ids(texts)
        newest = max(place.iterdir(), key=lambda path: path.stat().st_mtime)
        os.utime(newest, (1e9 - age, 1e9 - age))
    cached.ids(sets[0])
    size = next(place.iterdir()).stat().st_size
    monkeypatch.setattr(token_cache, "MOST_BYTES", int(2.5 * size))
    cached.ids(sets[2])
    found = [token_cache.read(cached._path("ids", texts), texts) is not None for texts in sets]
    assert found == [True, False, True]
    assert {path.suffix for path in place.iterdir()} == {".npz"}


def test_preparing_the_same_rows_again_tokenises_nothing(place, tiny, reviews, untouched):
    from bertkit.engine.finetune import prepare_request
    from bertkit.engine.request import Request

    request = Request(None, str(tiny), str(reviews), None, None, {"text": "text", "label": "label"}, (), {})
    first = prepare_request(request)
    untouched()
    second = prepare_request(request)
    for one, other in ((first.train, second.train), (first.validation, second.validation)):
        ids = [[window.input_ids for window in split.encoded.windows] for split in (one, other)]
        assert same(*ids)
