"""Work ends at its pause points when nobody wants it, and only in its own thread."""

import threading

import pytest

from ftte_lab._common import InterruptedWorkError, interruptible, pause_point


def test_work_ends_when_it_is_not_wanted_any_more() -> None:
    answers = iter([False, False, True])
    done: list[int] = []

    def work() -> None:
        for k in range(100):
            pause_point()
            done.append(k)

    with pytest.raises(InterruptedWorkError), interruptible(lambda: next(answers)):
        work()
    assert done == [0, 1]
    pause_point()  # outside of the block nothing ends


def test_blocks_within_blocks_ask_the_inner_one() -> None:
    with interruptible(lambda: True):
        with interruptible(lambda: False):
            pause_point()
        with pytest.raises(InterruptedWorkError):
            pause_point()


def test_other_threads_go_on() -> None:
    ended: list[bool] = []

    def work() -> None:
        pause_point()
        ended.append(True)

    with interruptible(lambda: True):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert ended == [True]
