import threading

import pytest

from bertkit.engine.ahead import ahead


def threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("ahead")]


def numbers(made, count=5):
    for number in range(count):
        made.append(number)
        yield number


def test_ahead_keeps_every_item_and_the_order():
    with ahead(range(100)) as some, ahead([]) as none:
        assert (list(some), list(none)) == (list(range(100)), [])


def test_ahead_makes_the_next_item_while_the_caller_works():
    second = threading.Event()

    def items():
        yield 1
        second.set()
        yield 2

    with ahead(items()) as found:
        assert next(found) == 1
        assert second.wait(10), "nothing is made until it is asked for"


def test_ahead_is_never_more_than_one_item_ahead():
    made = []
    with ahead(numbers(made)) as found:
        for number in found:
            assert made[-1] <= number + 1
    assert made == [0, 1, 2, 3, 4]


def test_ahead_raises_the_error_of_an_item_after_the_items_before_it():
    def items():
        yield 1
        raise ValueError("the second")

    with ahead(items()) as found:
        assert next(found) == 1
        with pytest.raises(ValueError, match="the second"):
            next(found)
    assert threads() == []


def test_ahead_that_is_left_early_has_ended_its_thread():
    made = []
    with ahead(numbers(made)) as found:
        next(found)
        assert threads()
    assert threads() == []
    assert made in ([0], [0, 1])


def interrupted(items):
    with ahead(items) as found:
        for _ in found:
            raise KeyboardInterrupt


def test_ahead_ends_its_thread_when_the_caller_fails():
    with pytest.raises(KeyboardInterrupt):
        interrupted(range(5))
    assert threads() == []
