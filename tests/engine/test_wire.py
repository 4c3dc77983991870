from collections import OrderedDict, UserList
from enum import IntEnum
from pathlib import Path

import numpy as np
import pytest

from bertkit.adapters._results import Record
from bertkit.engine.unseen import Unseen
from bertkit.engine.wire import from_bytes, to_bytes

MENTION = {"text": "Zoë", "label": "PER", "start": 0, "end": 3, "words": (0, 1)}
VALUES = [
    None,
    True,
    15,
    -0.1,
    float("inf"),
    2**70,
    "naïve 😂 \ud800 \x00",
    b"\x00\xff",
    Path("/a/b c"),
    (1, ("x", None)),
    [],
    [[1, 2.5], ["~path", {"~path": "no path", "a": [1]}]],
    {"a": {"~": 1}, "": ()},
    {1: "x", ("a", 2): None, None: 3.5},
    {1, 2, 3},
    frozenset({"a"}),
    Record("positive", 0.75, {"positive": 0.75, "negative": 0.25}),
    [Record([MENTION], None, {"tags": ["B-PER", "O"], "scores": (0.5, 1.0)}), Record(1.5, None)],
    Unseen(4, 1, 30, 5, {"rows without a word": ["file:3"]}),
]
ARRAYS = [
    np.arange(12, dtype=np.float32).reshape(3, 4),
    np.arange(12, dtype=np.int64).reshape(3, 4).T,
    np.zeros((0, 5), np.float16),
    np.array(2.5),
    np.array([True, False]),
    np.array([np.nan, -np.inf]),
]


class Number(IntEnum):
    STOP = 15


def same_types(one, two):
    assert type(one) is type(two)
    if isinstance(one, dict):
        one, two = [*one.items()], [*two.items()]
    if isinstance(one, list | tuple):
        for a, b in zip(one, two, strict=True):
            same_types(a, b)


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_values_come_back_equal_and_of_the_same_type(value):
    found = from_bytes(to_bytes(value))
    assert found == value
    same_types(found, value)


@pytest.mark.parametrize("array", ARRAYS, ids=repr)
def test_arrays_come_back_bit_for_bit_and_can_be_changed(array):
    found, beside = from_bytes(to_bytes([array, {"beside": array}]))
    for one in (found, beside["beside"]):
        assert one.dtype == array.dtype
        assert one.shape == array.shape
        assert one.tobytes() == array.tobytes()
        assert one.flags.writeable


def test_numbers_of_numpy_keep_their_type():
    found = from_bytes(to_bytes({"score": np.float32(0.1)}))["score"]
    assert found == np.float32(0.1)
    assert isinstance(found, np.float32)


@pytest.mark.parametrize(
    ("value", "plain"),
    [(OrderedDict(a=1), {"a": 1}), (UserList([1, (2,)]), [1, (2,)]), ({"stop": Number.STOP}, {"stop": 15})],
)
def test_other_mappings_sequences_and_numbers_become_plain_ones(value, plain):
    assert from_bytes(to_bytes(value)) == plain


@pytest.mark.parametrize("value", [print, object(), np.array([object()]), np.array(["text"]), {"a": [Exception()]}])
def test_other_objects_are_refused(value):
    with pytest.raises(TypeError, match="cannot be told to other processes"):
        to_bytes(value)


@pytest.mark.parametrize("place", [("os", "system"), ("bertkit.engine.wire", "to_bytes"), ("pathlib", "Path")])
def test_bytes_that_name_other_classes_are_refused(place):
    forged = to_bytes([*place]).replace(b'["', b'{"~data": ["', 1).replace(b'"]', b'", []]}', 1)
    forged = len(forged[8:]).to_bytes(8, "little") + forged[8:]
    with pytest.raises(ValueError, match="is not a data class of bertkit"):
        from_bytes(forged)
