import json
import math

from bertkit.engine import sealed


def is_damaged(path):
    try:
        sealed.read(path)
    except ValueError:
        return True
    return False


def test_what_is_read_is_what_was_written(tmp_path):
    path = tmp_path / "run.json"
    values = {"scores": {"f1": 0.1, "loss": 1e-9}, "name": "é", "sha256": "the caller's own"}
    sealed.write(path, values)
    assert sealed.read(path) == {"scores": {"f1": 0.1, "loss": 1e-9}, "name": "é"}


def test_null_stands_for_what_is_no_number(tmp_path):
    path = tmp_path / "run.json"
    sealed.write(path, {"scores": {"f1": math.nan, "loss": -math.inf, "é": [0.1, 1e-9, math.inf]}, "name": "NaN"})

    def refuse(name):
        raise AssertionError(name)

    json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)
    assert sealed.read(path) == {"scores": {"f1": None, "loss": None, "é": [0.1, 1e-9, None]}, "name": "NaN"}


def test_every_flipped_bit_and_every_truncation_is_found(tmp_path):
    path = tmp_path / "run.json"
    sealed.write(path, {"steps": 10, "rate": 1e-05, "name": "a", "list": [1, None, True]})
    whole = path.read_bytes()
    for bit in range(8 * len(whole)):
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << bit % 8
        path.write_bytes(changed)
        assert is_damaged(path)
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        assert is_damaged(path)
    path.write_bytes(whole)
    assert not is_damaged(path)


def test_a_value_that_looks_like_the_blank_is_kept(tmp_path):
    path = tmp_path / "run.json"
    sealed.write(path, {"name": sealed.BLANK})
    assert sealed.read(path) == {"name": sealed.BLANK}
