"""Recording refunds that are asked for: never more than is left, each wish once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from pytest_django.fixtures import Settings

from auditlog.context import Actor, acting_as
from auditlog.models import AuditEvent
from config.tests.rows import build
from payments.client import NotConfigured
from payments.models import BalanceTransaction, Charge, Dispute, Refund, Refundable, RefundRequest
from payments.refund_requests import (
    RefundImpossible,
    RequestChanged,
    ask_again,
    record_wishes,
    withdraw,
)
from payments.tests.refunding import left_of, wish

pytestmark = pytest.mark.django_db
Status = RefundRequest.Status


@pytest.fixture(autouse=True)
def key(settings: Settings) -> None:
    settings.STRIPE_API_KEY = "sk_test_1"


@pytest.fixture
def charge(db: None) -> Charge:
    """A captured charge of 50.00 USD."""
    return make_charge("ch_1")


def make_charge(id: str, **values: Any) -> Charge:
    values = {"amount": 5000, "amount_captured": 5000, "status": "succeeded"} | values
    return build(Charge, id=id, captured_at=timezone.now(), **values)


def refund(charge: Charge, amount: int, **values: Any) -> Refund:
    values = {"status": "succeeded", "balance_transaction_id": "txn_1"} | values
    return build(Refund, charge_id=charge.pk, amount=amount, **values)


def dispute(charge: Charge, amount: int = 2000, **values: Any) -> Dispute:
    values = {"status": "needs_response", "is_charge_refundable": False} | values
    return build(Dispute, charge_id=charge.pk, amount=amount, **values)


def force(charge: Charge, amount: int, **values: Any) -> RefundRequest:
    """Write a request past the service, as a mistake in it would."""
    values = {"currency": "usd", "asked_at": timezone.now(), "next_at": timezone.now()} | values
    return RefundRequest.objects.create(charge=charge, amount=amount, **values)


def test_a_wish_is_recorded_with_who_asked_and_audited(charge: Charge, operator: User) -> None:
    with acting_as(Actor("olive", operator)):
        [request] = record_wishes([wish(charge, reason="duplicate", note="paid twice")])
    request.refresh_from_db()
    assert (request.status, request.attempt, request.tries) == ("recorded", 1, 0)
    assert (request.amount, request.currency, request.asked_by) == (1200, "usd", operator)
    audited = AuditEvent.objects.get(action="refund_request.recorded")
    assert (audited.target_id, audited.actor, audited.reason) == (
        str(request.pk),
        operator,
        "paid twice",
    )
    assert audited.after["amount"] == 1200


def test_the_same_wish_is_recorded_once(charge: Charge) -> None:
    wanted = wish(charge, 5000)
    first = record_wishes([wanted])
    assert record_wishes([wanted]) == first
    assert AuditEvent.objects.filter(action="refund_request.recorded").count() == 1


def test_a_name_that_stands_for_another_wish_is_refused(charge: Charge) -> None:
    wanted = wish(charge, 1200)
    record_wishes([wanted])
    with pytest.raises(RefundImpossible, match="sent before"):
        record_wishes([wish(charge, 1300, id=wanted.id)])
    assert RefundRequest.objects.get().amount == 1200


def test_without_a_key_nothing_is_recorded(charge: Charge, settings: Settings) -> None:
    settings.STRIPE_API_KEY = ""
    with pytest.raises(NotConfigured):
        record_wishes([wish(charge)])
    assert not RefundRequest.objects.exists()


@pytest.mark.parametrize("amount", [5001, 0, -1])
def test_neither_more_than_was_captured_nor_nothing(charge: Charge, amount: int) -> None:
    with pytest.raises(RefundImpossible):
        record_wishes([wish(charge, amount)])
    with pytest.raises(DatabaseError), transaction.atomic():
        force(charge, amount)
    assert not RefundRequest.objects.exists()


def test_wishes_of_one_call_are_summed_up_and_all_or_none_is_recorded(charge: Charge) -> None:
    with pytest.raises(RefundImpossible):
        record_wishes([wish(charge, 3000), wish(charge, 2001)])
    assert not RefundRequest.objects.exists()
    record_wishes([wish(charge, 3000), wish(charge, 2000)])
    assert left_of(charge) == 0


def test_nothing_can_be_asked_of_money_that_isnt_captured(db: None) -> None:
    held = build(Charge, id="ch_2", amount=5000, status="succeeded", captured_at=None)
    with pytest.raises(RefundImpossible, match="nothing of ch_2 is captured"):
        record_wishes([wish(held)])
    with pytest.raises(DatabaseError, match="nothing of ch_2"), transaction.atomic():
        force(held, 1)


def test_the_database_refuses_another_currency(charge: Charge) -> None:
    with pytest.raises(DatabaseError, match="ch_1 is in usd, not in eur"), transaction.atomic():
        force(charge, 1, currency="eur")


@pytest.mark.parametrize(
    ("take", "left"),
    [
        pytest.param(lambda c: refund(c, 2000), 3000, id="a refund"),
        pytest.param(lambda c: refund(c, 2000, status="pending"), 3000, id="a pending refund"),
        pytest.param(lambda c: refund(c, 2000, status="failed"), 5000, id="a failed refund"),
        pytest.param(lambda c: refund(c, 2000, status="canceled"), 5000, id="a canceled refund"),
        pytest.param(
            lambda c: Charge.objects.update(amount_refunded=2000), 3000, id="the charge alone"
        ),
        pytest.param(
            lambda c: (refund(c, 2000), Charge.objects.update(amount_refunded=2000)),
            3000,
            id="refund and charge say the same",
        ),
        pytest.param(lambda c: force(c, 2000), 3000, id="an open request"),
        pytest.param(
            lambda c: force(c, 2000, status="unknown", first_sent_at=timezone.now()),
            3000,
            id="a request of unknown outcome",
        ),
        pytest.param(
            lambda c: force(c, 2000, status="refused", next_at=None), 5000, id="a refused request"
        ),
        pytest.param(dispute, 3000, id="an open dispute"),
        pytest.param(lambda c: dispute(c, status="lost"), 3000, id="a lost dispute"),
        pytest.param(lambda c: dispute(c, status="of_2031"), 3000, id="a dispute we don't know"),
        pytest.param(
            lambda c: dispute(c, status="warning_needs_response", is_charge_refundable=True),
            5000,
            id="an inquiry, which a refund ends",
        ),
        pytest.param(lambda c: dispute(c, status="won"), 5000, id="a won dispute"),
        pytest.param(lambda c: dispute(c, status="warning_closed"), 5000, id="a closed inquiry"),
        pytest.param(lambda c: dispute(c, currency="eur"), 0, id="a dispute in another currency"),
    ],
)
def test_what_is_left_to_refund(charge: Charge, take: Any, left: int) -> None:
    take(charge)
    assert left_of(charge) == left
    with pytest.raises(RefundImpossible):
        record_wishes([wish(charge, left + 1)])
    with pytest.raises(DatabaseError), transaction.atomic():
        force(charge, left + 1)
    if left:
        record_wishes([wish(charge, left)])


def test_a_won_dispute_holds_its_amount_until_its_funds_are_back(charge: Charge) -> None:
    dispute(charge, status="won", balance_transactions=["txn_out", "txn_in"])
    build(BalanceTransaction, id="txn_out", amount=-2000, fee=1500, net=-3500)
    assert left_of(charge) == 3000
    # At another rate: less came back than went out.
    build(BalanceTransaction, id="txn_in", amount=1980, fee=0, net=1980)
    assert left_of(charge) == 5000


def test_what_a_partial_capture_released_was_never_captured(db: None) -> None:
    charge = make_charge("ch_3", amount=5000, amount_captured=3000, amount_refunded=2000)
    assert left_of(charge) == 3000
    refund(charge, 2000, balance_transaction_id=None)
    assert left_of(charge) == 3000
    refund(charge, 500)
    Charge.objects.filter(pk="ch_3").update(amount_refunded=2500)
    assert left_of(charge) == 2500


def test_why_not_says_where_the_money_went(charge: Charge) -> None:
    refund(charge, 1000)
    dispute(charge, 1500)
    force(charge, 500)
    with pytest.raises(RefundImpossible) as caught:
        record_wishes([wish(charge, 2001)])
    assert str(caught.value) == (
        "20.01 USD can't be refunded: 20.00 USD of ch_1 is left (50.00 USD captured, "
        "10.00 USD refunded, 5.00 USD asked for already, 15.00 USD disputed)"
    )


@pytest.mark.parametrize(
    "change", [{"amount": 1}, {"note": "other"}, {"charge_id": "ch_2"}, {"asked_at": None}]
)
def test_what_was_asked_cant_be_changed(charge: Charge, change: dict[str, Any]) -> None:
    request = force(charge, 100)
    with pytest.raises(DatabaseError), transaction.atomic():
        RefundRequest.objects.filter(pk=request.pk).update(**change)
    with pytest.raises(DatabaseError), transaction.atomic():
        request.delete()


def test_a_request_that_is_made_stays_made(charge: Charge) -> None:
    made = force(charge, 100, status="made", refund_id="re_1", next_at=None)
    with pytest.raises(DatabaseError, match="is made"), transaction.atomic():
        RefundRequest.objects.filter(pk=made.pk).update(status="refused")


def test_a_withdrawn_request_gives_its_amount_back(charge: Charge) -> None:
    request = force(charge, 5000)
    withdraw(request.pk, reason="by mistake")
    assert left_of(charge) == 5000
    audited = AuditEvent.objects.get(action="refund_request.withdrawn")
    assert (audited.reason, audited.before) == ("by mistake", {"status": "recorded"})


def test_a_request_that_may_have_made_a_refund_cant_be_withdrawn(charge: Charge) -> None:
    request = force(charge, 5000, status="unknown", first_sent_at=timezone.now())
    with pytest.raises(RequestChanged, match="outcome unknown"):
        withdraw(request.pk, reason="by mistake")
    assert left_of(charge) == 0


def test_a_refused_request_is_asked_again_as_another_attempt(charge: Charge) -> None:
    request = force(charge, 5000, status="refused", next_at=None, error="no balance")
    again = ask_again(request.pk, reason="there is balance now")
    assert (again.status, again.attempt, again.error) == ("recorded", 2, "")
    assert left_of(charge) == 0
    with pytest.raises(RequestChanged):
        ask_again(request.pk, reason="and again")


def test_a_refused_request_isnt_asked_again_for_more_than_is_left(charge: Charge) -> None:
    request = force(charge, 5000, status="refused", next_at=None)
    force(charge, 1)
    with pytest.raises(RefundImpossible):
        ask_again(request.pk, reason="once more")
    with pytest.raises(DatabaseError, match="too much"), transaction.atomic():
        RefundRequest.objects.filter(pk=request.pk).update(
            status="recorded", next_at=timezone.now()
        )


def test_recording_many_takes_a_bounded_number_of_statements(db: None, queries: Any) -> None:
    counts = []
    for size in (1, 40):
        wishes = [wish(make_charge(f"ch_{size}_{n}")) for n in range(size)]
        with queries() as captured:
            record_wishes(wishes)
        counts.append(len(captured))
    assert counts[0] == counts[1]


def at_once(works: list[Any]) -> list[Any]:
    barrier = Barrier(len(works), timeout=30)

    def run(work: Any) -> Any:
        try:
            barrier.wait()
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as pool:
        return [done.result() for done in [pool.submit(run, work) for work in works]]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("past_the_service", [False, True])
def test_eight_writers_at_once_never_ask_for_more_than_is_left(past_the_service: bool) -> None:
    charges = [make_charge(f"ch_{n}") for n in range(3)]

    def work(n: int) -> str:
        wanted = [charges[n % 3], charges[(n + 1) % 3]][:: 1 if n % 2 else -1]
        try:
            if past_the_service:  # the database is alone with it
                for charge in wanted[:1]:
                    force(charge, 1500)
            else:
                record_wishes([wish(charge, 1500) for charge in wanted])
        except (RefundImpossible, DatabaseError) as error:
            return str(error)
        return ""

    said = at_once([lambda n=n: work(n) for n in range(8)])
    assert not [words for words in said if "deadlock" in words]
    done = [not words for words in said]
    assert True in done
    rows = Refundable.objects.all()
    assert {row.left_minor >= 0 for row in rows} == {True}
    asked = sum(row.asked for row in rows)
    assert asked == sum(done) * (1500 if past_the_service else 3000)
    if not past_the_service:
        assert False in done


@pytest.mark.django_db(transaction=True)
def test_eight_writers_on_one_charge_past_the_service_leave_it_within_what_is_left() -> None:
    charge = make_charge("ch_1")

    def work() -> bool:
        try:
            force(charge, 1500)
        except DatabaseError:
            return False
        return True

    assert sorted(at_once([work] * 8)) == [False] * 5 + [True] * 3
    assert left_of(charge) == 500


@pytest.mark.django_db(transaction=True)
def test_one_wish_from_eight_sides_at_once_is_recorded_once() -> None:
    charge = make_charge("ch_1")
    wanted = wish(charge, 5000, id=uuid4())
    found = at_once([lambda: record_wishes([wanted])] * 8)
    assert len({request.pk for [request] in found}) == 1
    assert RefundRequest.objects.count() == 1
