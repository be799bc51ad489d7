"""Streams that another thread takes ahead of their use."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from time import monotonic, sleep

import pytest

from phonoscope.batches import taken_ahead


def numbers(taken: list[int], most: int = 1_000_000) -> Iterator[int]:
    """Notes each number that is taken."""
    for number in range(most):
        taken.append(number)
        yield number


def until(size: int, taken: list[int]) -> None:
    """Returns once so many numbers were taken."""
    deadline = monotonic() + 30.0
    while len(taken) < size:
        assert monotonic() < deadline
        sleep(0.001)


def test_items_are_taken_before_they_are_needed_and_not_more_than_named() -> None:
    """Three are held, and one waits for room."""
    taken: list[int] = []
    with taken_ahead(numbers(taken), 3) as items:
        until(4, taken)
        sleep(0.2)
        assert taken == [0, 1, 2, 3]
        assert next(items) == 0
        until(5, taken)
        assert next(items) == 1


def test_all_items_come_in_order() -> None:
    """Also none at all."""
    with taken_ahead(numbers([], 1000), 4) as items:
        assert list(items) == list(range(1000))
    with taken_ahead(numbers([], 0), 4) as items:
        assert list(items) == []


def test_an_error_is_raised_after_the_items_before_it() -> None:
    """In the thread that needs the items, as the same exception."""
    wrong = ValueError("wrong")

    def failing() -> Iterator[int]:
        yield 1
        raise wrong

    with taken_ahead(failing(), 4) as items:
        assert next(items) == 1
        with pytest.raises(ValueError, match="wrong") as raised:
            next(items)
    assert raised.value is wrong


def test_nothing_is_taken_after_the_block() -> None:
    """Though it ends by an error while the thread waits for room."""
    taken: list[int] = []

    def break_off() -> None:
        with taken_ahead(numbers(taken), 2) as items:
            assert next(items) == 0
            until(3, taken)
            raise KeyError

    with pytest.raises(KeyError):
        break_off()
    before = len(taken)
    sleep(0.2)
    assert len(taken) == before
    assert all(thread.name != "taken-ahead" for thread in threading.enumerate())


def test_the_first_items_are_taken_when_they_are_needed() -> None:
    """Without a thread; the rest is taken ahead, and a stream that ends before needs none."""
    names: list[str] = []

    def items() -> Iterator[int]:
        for number in range(6):
            names.append(threading.current_thread().name)
            yield number

    with taken_ahead(items(), 2, after=3) as found:
        assert list(found) == list(range(6))
    assert names == [threading.current_thread().name] * 3 + ["taken-ahead"] * 3
    names.clear()
    with taken_ahead(items(), 2, after=9) as found:
        assert list(found) == list(range(6))
    assert set(names) == {threading.current_thread().name}
