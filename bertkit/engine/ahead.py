"""The next item of an iterator, made in a thread of its own while the caller works on the one before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

Item = TypeVar("Item")
END: Any = object()


@contextmanager
def ahead(items: Iterable[Item]) -> Iterator[Iterator[Item]]:
    """Give the items in their order, one of them made ahead; the thread has ended when the block has.

    An error in making an item is raised where that item is asked for.

    Args:
        items: Is advanced in the thread alone, and must not wait for ever: a thread cannot be interrupted.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as thread:
        yield _one_ahead(thread, iter(items))


def _one_ahead(thread: ThreadPoolExecutor, source: Iterator[Item]) -> Iterator[Item]:
    coming = thread.submit(next, source, END)
    while (item := coming.result()) is not END:
        coming = thread.submit(next, source, END)
        yield item
