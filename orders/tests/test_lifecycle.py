"""What captures and refunds say, as pure functions of time."""

from __future__ import annotations

import pytest

from orders.services.lifecycle import Capture, Refunded, course
from orders.tests.mirror import at

CAPTURE = Capture("ch_1", 1000, at(1))


def test_nothing_captured_is_not_paid_even_if_nothing_is_asked():
    assert course(0, [], []).paid_at is None


def test_paid_by_the_capture_that_completes_it():
    found = course(1000, [Capture("ch_2", 400, at(5)), Capture("ch_1", 600, at(2))], [])
    assert (found.paid_at, found.paid_by, found.captured) == (at(5), "ch_2", 1000)


def test_of_captures_in_one_second_the_id_decides():
    both = [Capture("ch_2", 1000, at(1)), Capture("ch_1", 1000, at(1))]
    assert course(1000, both, []).paid_by == course(1000, both[::-1], []).paid_by == "ch_1"


@pytest.mark.parametrize(
    ("returned_at", "canceled_at"),
    [(None, at(9)), (at(20), at(9)), (at(9), at(9)), (at(3), at(9))],
)
def test_a_full_refund_cancels_from_when_it_counts_even_if_it_fails_in_the_same_second(
    returned_at, canceled_at
):
    found = course(1000, [CAPTURE], [Refunded("re_1", 1000, at(9), returned_at)])
    assert (found.canceled_at, found.canceled_by) == (canceled_at, "re_1")
    assert found.refunded == (0 if returned_at else 1000)


def test_a_refund_in_the_second_of_its_capture_cancels():
    found = course(1000, [CAPTURE], [Refunded("re_1", 1000, at(1))])
    assert (found.paid_at, found.canceled_at) == (at(1), at(1))


def test_a_refund_that_returned_makes_room_but_cancels_nothing():
    found = course(
        1000,
        [CAPTURE],
        [Refunded("re_1", 600, at(5), at(6)), Refunded("re_2", 600, at(7))],
    )
    assert (found.canceled_at, found.refunded) == (None, 600)


def test_two_that_overlap_for_a_moment_cancel():
    found = course(
        1000,
        [CAPTURE],
        [Refunded("re_1", 600, at(5), at(8)), Refunded("re_2", 400, at(7))],
    )
    assert (found.canceled_at, found.canceled_by, found.refunded) == (at(7), "re_2", 400)


def test_what_is_refunded_before_enough_was_captured_cancels_nothing_then():
    found = course(
        1000,
        [Capture("ch_1", 600, at(1)), Capture("ch_2", 1000, at(5))],
        [Refunded("re_1", 600, at(2))],
    )
    assert (found.paid_at, found.canceled_at) == (at(5), None)
