import threading

import pytest

from service.baton import Baton

WAIT_SECONDS_MAX = 30


def taken_by_another(baton: Baton) -> threading.Event:
    """Have another thread take the baton once it can; return what tells that it has had it."""
    taken = threading.Event()

    def take() -> None:
        with baton:
            taken.set()

    threading.Thread(target=take, daemon=True).start()
    return taken


def test_one_thread_has_it_at_a_time() -> None:
    baton = Baton()
    with baton:
        taken = taken_by_another(baton)
        assert not taken.wait(0.05)
    assert taken.wait(WAIT_SECONDS_MAX)


def test_who_has_it_may_take_it_again_and_keeps_it_until_all_is_done() -> None:
    baton = Baton()
    with baton:
        with baton:
            pass
        taken = taken_by_another(baton)
        assert not taken.wait(0.05)
    assert taken.wait(WAIT_SECONDS_MAX)


def test_others_have_it_while_it_is_put_down_and_then_it_is_taken_up_again() -> None:
    baton = Baton()
    with baton, baton:
        with baton.put_down():
            assert taken_by_another(baton).wait(WAIT_SECONDS_MAX)
            with baton:  # what was put down may be taken for something else meanwhile
                pass
        taken = taken_by_another(baton)
        assert not taken.wait(0.05)
    assert taken.wait(WAIT_SECONDS_MAX)


def test_who_has_not_got_it_puts_nothing_down() -> None:
    baton = Baton()
    with baton.put_down():
        assert taken_by_another(baton).wait(WAIT_SECONDS_MAX)
    assert taken_by_another(baton).wait(WAIT_SECONDS_MAX)


def test_it_is_free_after_an_error() -> None:
    baton = Baton()
    with pytest.raises(KeyError), baton:
        raise KeyError
    with baton, pytest.raises(KeyError), baton.put_down():
        raise KeyError
    assert taken_by_another(baton).wait(WAIT_SECONDS_MAX)


def test_wait_for_it_may_be_bounded() -> None:
    baton = Baton()
    taken: list[bool] = []

    def try_it() -> None:
        taken.append(baton.take(0.01))

    with baton:
        assert baton.take(0.0)  # who has it need not wait
        baton.give_back()
        trying = threading.Thread(target=try_it)
        trying.start()
        trying.join()
    assert taken == [False]
    assert taken_by_another(baton).wait(WAIT_SECONDS_MAX)
