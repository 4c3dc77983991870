import contextlib
import os
import signal

import pytest

from bertkit.engine.signals import StopAsked, StopRequest, ordered, stop_now, taken, told
from bertkit.errors import Interrupted


@pytest.fixture(autouse=True)
def handlers():
    """The handlers of the command line, and those of before afterwards."""
    before = {number: signal.signal(number, stop_now) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def send(number):
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_first_signal_is_noted_and_the_second_one_ends_the_work(number):
    with StopRequest() as stop:
        stop.poll("forward", 1, 2)
        send(signal.SIGTERM)
        assert stop.signal_number == signal.SIGTERM
        with pytest.raises(StopAsked):
            stop.poll("forward", 2, 2)
        with pytest.raises(KeyboardInterrupt):
            send(number)
    assert taken() == number
    assert not ordered()
    assert signal.getsignal(signal.SIGTERM) is stop_now


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_told_says_what_became_of_the_work(number):
    with pytest.raises(Interrupted, match="all is as it was") as stopped, told("all is as it was", "try this"):
        send(number)
    assert (stopped.value.exit_code, stopped.value.hint) == (128 + number, "try this")
    assert not ordered()


def test_signal_is_no_exception_that_a_library_would_catch():
    with pytest.raises(KeyboardInterrupt), contextlib.suppress(Exception):
        send(signal.SIGTERM)
    assert taken() == signal.SIGTERM
