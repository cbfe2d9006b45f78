"""The rows of each export: those that the figures are made of."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from analyticsapp.exports import Scope, all_exports
from analyticsapp.exports.ledgers import REVENUE_FIGURES
from analyticsapp.kpis import KPIS, Unit
from analyticsapp.models import DaySnapshot, MrrMovement, SubscriptionSpan
from analyticsapp.services import snapshots
from analyticsapp.tests.files import rows
from analyticsapp.tests.shop import at, charge, move, order, put, refund, transaction
from auditlog.columns import Kind
from orders.models import Customer, Order, OrderPayment
from orders.states import OrderStatus
from payments.models import BalanceTransaction, Dispute, Payout, Subscription
from payments.money import exponent

pytestmark = pytest.mark.django_db
NOVEMBER = Scope(date(2026, 11, 1), date(2026, 11, 30))
NAMES = list(all_exports())


def test_orders_are_those_that_the_figure_counts() -> None:
    order(at(1, month=10), 100)
    first, second = order(at(20), 200), order(at(2), 300, currency="jpy")
    order(None, 400)
    snapshots.refresh(at(24))
    found = rows("orders", NOVEMBER)
    assert [row["number"] for row in found] == [second.number, first.number]
    assert len(found) == sum(row.orders for row in DaySnapshot.objects.filter(day__month=11))
    assert [row["captured"] for row in found] == ["300", "2.00"]
    assert [row["number"] for row in rows("orders", replace(NOVEMBER, currency="eur"))] == [
        first.number
    ]


def test_days_are_of_the_reporting_time_zone(settings: Any) -> None:
    settings.REPORTING_TIME_ZONE = "America/New_York"
    order(at(1, 3), 100)  # still October there
    inside = order(at(1, 6), 200)
    late = order(at(1, 4, month=12), 300)  # still November there
    assert [row["number"] for row in rows("orders", NOVEMBER)] == [inside.number, late.number]


def test_personal_data_is_left_out_unless_asked_for() -> None:
    buyer = Customer.objects.create(email="ann@example.com", name="Ann", created_at=at(1))
    order(at(2), 100, customer=buyer, email="ann@example.com")
    for name in ("orders", "unfulfilled", "dim_customer"):
        (without,) = rows(name, NOVEMBER)
        (with_it,) = rows(name, replace(NOVEMBER, personal=True))
        assert not {"email", "name", "customer_name", "tracking_number"} & without.keys()
        assert "Ann" in with_it.values()
        assert "ann@example.com" in with_it.values()


def test_refunds_add_up_to_the_figure_with_those_that_failed() -> None:
    paid = charge(10_000, at(1), payment_intent_id="pi_1")
    owner = order(at(1), 10_000)
    OrderPayment.objects.create(order=owner, payment="pi_1", linked_at=at(1))
    refund(paid, 1_000, at(3))
    returned = refund(paid, 250, at(4), id="re_failed")
    put(type(returned), "re_failed", status="failed", failed_at=at(9))
    refund(paid, 40, None)
    released = charge(500, at(5), amount_captured=400)
    refund(released, 100, at(5))  # the part that was never captured
    refund(paid, 30, at(2, month=12))
    transaction("txn_late", at(1, month=12), -20)
    refund(paid, 20, at(30), balance_transaction_id="txn_late")
    snapshots.refresh(at(24, month=12))
    found = rows("refunds", NOVEMBER)
    assert [(row["day"], row["movement"], row["amount_minor"]) for row in found] == [
        ("2026-11-03", "refunded", "1000"),
        ("2026-11-04", "refunded", "250"),
        ("2026-11-09", "returned", "-250"),
    ]
    assert {row["order_number"] for row in found} == {owner.number}
    assert [row["amount"] for row in found] == ["10.00", "2.50", "-2.50"]
    november = DaySnapshot.objects.filter(day__month=11)
    assert sum(int(row["amount_minor"]) for row in found) == sum(r.refunds_minor for r in november)
    assert len(rows("refunds")) == 5


def test_the_revenue_summary_is_the_registrys_figures() -> None:
    paid = charge(10_000, at(20))
    refund(paid, 1_000, at(22))
    order(at(20), 10_000, discount_minor=500, tax_minor=0)
    order(at(20), 300, discount_minor=None)
    order(at(21), 70, currency="jpy", shipping_minor=3)
    snapshots.refresh(at(24))
    found = rows("revenue", NOVEMBER)
    stored = {(str(r.day), r.currency): r for r in DaySnapshot.objects.all()}
    assert [(row["day"], row["currency"]) for row in found] == sorted(stored)
    for row in found:
        snapshot = stored[row["day"], row["currency"]]
        for key in REVENUE_FIGURES:
            kpi = KPIS[key]
            value = kpi.compute(snapshot)
            name = f"{key}_minor" if kpi.unit is Unit.MONEY else key
            assert row[name] == ("" if value is None else str(value)), key
            if kpi.unit is Unit.MONEY and value is not None:
                shown = Decimal(int(value)).scaleb(-exponent(row["currency"]))
                assert row[key] == str(shown)
    assert (found[0]["discounts_unknown"], found[0]["discounts"]) == ("1", "5.00")
    assert (found[0]["shipping_unknown"], found[0]["shipping"]) == ("2", "")


def movement(id: str, when: Any, amount: int, fee: int = 0, **values: Any) -> BalanceTransaction:
    return put(
        BalanceTransaction,
        id,
        **{
            "amount": amount,
            "fee": fee,
            "net": amount - fee,
            "currency": "eur",
            "type": "charge",
            "reporting_category": "charge",
            "status": "available",
            "available_on": when + timedelta(days=2),
            "created": when,
            **values,
        },
    )


def test_movements_fees_and_settlement_agree() -> None:
    movement(
        "txn_1", at(2), 1_000, 45, fee_details=[{"type": "stripe_fee", "amount": 45}], payout_id="p"
    )
    movement("txn_2", at(2), -300, type="refund", reporting_category="refund")
    movement("txn_3", at(3), -20, type="stripe_fee", reporting_category="fee")
    movement("txn_4", at(3, month=12), 1)
    snapshots.refresh(at(24))
    moved = rows("balance_transactions", NOVEMBER)
    assert [row["balance_transaction"] for row in moved] == ["txn_1", "txn_2", "txn_3"]
    assert moved[1] | {"amount": "-3.00", "fee": "0.00", "net_minor": "-300"} == moved[1]
    settled = rows("settlement", NOVEMBER)
    for column in ("amount_minor", "fee_minor", "net_minor"):
        assert sum(int(r[column]) for r in moved) == sum(int(r[column]) for r in settled)
    fees = {(row["day"], row["type"]): row["amount"] for row in rows("fees", NOVEMBER)}
    assert fees == {("2026-11-02", "stripe_fee"): "0.45", ("2026-11-03", "stripe_fee"): "0.20"}


def test_the_bridge_leads_to_what_the_balance_changed_by() -> None:
    paid = charge(1_000, at(2))
    movement("txn_1", at(3), 1_000, 45, source=paid.pk)
    put(type(paid), paid.pk, balance_transaction_id="txn_1")
    movement("txn_2", at(4), -300, type="payout", reporting_category="payout")
    charge(70, at(2, month=12))
    snapshots.refresh(at(24, month=12))
    found = rows("bridge", NOVEMBER)
    assert {row["line"] for row in found} >= {"captured", "fee:unspecified", "category:payout"}
    assert sum(int(row["amount_minor"]) for row in found) == 1_000 - 45 - 300
    crossing = {row["day"]: row["other_day"] for row in found if row["other_day"]}
    assert crossing == {"2026-11-02": "2026-11-03", "2026-11-03": "2026-11-02"}


def test_a_payout_says_what_it_holds() -> None:
    held: dict[str, Any] = {"payout_id": "po_1"}
    movement("txn_1", at(2), 1_000, 45, source="ch_1", **held)
    movement("txn_2", at(2), -300, source="re_1", **held)
    movement("txn_3", at(3), -655, source="po_1", type="payout", **held)
    values = {"currency": "eur", "status": "paid", "automatic": True}
    put(Payout, "po_1", amount=655, created=at(3), arrival_date=at(5, 0), **values)
    put(Payout, "po_2", amount=-70, created=at(4), **{**values, "automatic": False})
    put(Payout, "po_3", amount=1, created=at(4, month=12), **values)
    first, second = rows("payouts", NOVEMBER)
    assert (first["amount"], first["transactions"], first["transactions_net"]) == (
        "6.55",
        "2",
        "6.55",
    )
    assert first["arrives_at"] == "2026-11-05T00:00:00Z"
    assert (second["amount"], second["transactions"], second["automatic"]) == ("-0.70", "", "no")


def test_a_dispute_says_what_it_moved_in_the_currency_that_it_moved_in() -> None:
    paid = charge(9_000, at(1), currency="usd", payment_intent_id="pi_1")
    owner = order(at(1), 9_000, currency="usd")
    OrderPayment.objects.create(order=owner, payment="pi_1", linked_at=at(1))
    movement("txn_1", at(6), -8_000, 1_500, source="dp_1", reporting_category="dispute")
    movement("txn_2", at(16), 7_900, source="", reporting_category="dispute_reversal")
    values = {"amount": 9_000, "currency": "usd", "reason": "fraudulent", "charge_id": paid.pk}
    put(
        Dispute,
        "dp_1",
        created=at(6),
        status="won",
        balance_transactions=["txn_1", "txn_2"],
        **values,
    )
    put(Dispute, "dp_2", created=at(7), status="warning_needs_response", **values)
    first, second = rows("disputes", NOVEMBER)
    assert first["order_number"] == second["order_number"] == owner.number
    assert (first["amount"], first["currency"]) == ("90.00", "usd")
    assert [first[k] for k in ("settlement_currency", "moved", "fee")] == ["eur", "-1.00", "15.00"]
    assert [second[k] for k in ("settlement_currency", "moved", "fee")] == ["", "", ""]


def span(id: str, first: Any, last: Any, status: str = "active", mrr: int = 1_000) -> None:
    SubscriptionSpan.objects.create(
        subscription_id=id,
        customer_id="cus_1",
        currency="eur",
        status=status,
        mrr_minor=mrr,
        lines=[],
        starts_at=first,
        ends_at=last,
        origin="events",
    )


def test_subscriptions_are_as_they_stood_when_the_days_ended() -> None:
    span("sub_old", at(1, month=9), at(1, month=10))
    span("sub_old", at(1, month=10), None, "canceled", 0)  # had ended before
    span("sub_ended", at(1, month=9), at(10))
    span("sub_ended", at(10), None, "canceled", 0)
    span("sub_grew", at(1), at(5, month=12))
    span("sub_grew", at(5, month=12), None, "active", 2_000)
    span("sub_later", at(5, month=12), None)
    put(Subscription, "sub_grew", status="active", start_date=at(1), currency="eur")
    found = {row["subscription"]: row for row in rows("subscriptions", NOVEMBER)}
    assert {key: (row["status"], row["mrr"]) for key, row in found.items()} == {
        "sub_ended": ("canceled", "0.00"),
        "sub_grew": ("active", "10.00"),
    }
    assert found["sub_grew"]["started_at"] == "2026-11-01T12:00:00Z"
    assert len(rows("subscriptions")) == 4


def test_mrr_movements_keep_their_sign() -> None:
    values = {"customer_id": "cus_1", "currency": "eur"}
    MrrMovement.objects.create(
        day=at(1).date(), kind="new", amount_minor=500, mrr_minor=500, **values
    )
    MrrMovement.objects.create(
        day=at(9).date(), kind="churn", amount_minor=-500, mrr_minor=0, **values
    )
    found = rows("mrr_movements", NOVEMBER)
    assert [(row["movement"], row["amount"], row["mrr"]) for row in found] == [
        ("new", "5.00", "5.00"),
        ("churn", "-5.00", "0.00"),
    ]


def test_orders_to_fulfil_are_those_of_now_whatever_the_days() -> None:
    waits = order(at(20, month=9), 300)
    waits.lines.create(position=0, description="Mug", quantity=2, total_minor=200)
    waits.lines.create(position=1, description="Tea; green", quantity=1, total_minor=100)
    Order.objects.filter(pk=waits.pk).update(oversold=True)
    move(order(at(20), 400), OrderStatus.FULFILLED, at(21))
    order(None)
    (row,) = rows("unfulfilled", NOVEMBER)
    assert row["number"] == waits.number
    assert (row["units"], row["contents"]) == ("3", "2 × Mug, 1 × Tea; green")
    assert (row["flag_oversold"], row["flag_disputed"]) == ("yes", "no")


@pytest.mark.parametrize("name", NAMES)
def test_totals_are_those_of_the_rows_in_one_currency_and_in_all(name: str) -> None:
    paid = charge(10_000, at(2), payment_intent_id="pi_1")
    refund(paid, 1_000, at(3))
    charge(70, at(2), currency="jpy")
    movement("txn_1", at(2), 1_000, 45, source=paid.pk)
    put(type(paid), paid.pk, balance_transaction_id="txn_1")
    owner = order(at(2), 10_000, tax_minor=7)
    owner.lines.create(position=0, description="Mug", quantity=2, total_minor=200)
    order(at(2), 70, currency="jpy")
    values = {"amount": 9_000, "currency": "eur", "status": "lost", "charge_id": paid.pk}
    put(Dispute, "dp_1", created=at(6), **values)
    put(Payout, "po_1", amount=655, created=at(3), currency="eur", status="paid")
    span("sub_1", at(1), None)
    snapshots.refresh(at(24))
    for scope in (NOVEMBER, replace(NOVEMBER, currency="jpy")):
        found = rows(name, scope)
        totals = all_exports()[name].totals(scope)
        assert totals.rows == len(found)
        sums: dict[str, dict[str, int]] = {}
        for column in all_exports()[name].columns:
            for row in found:
                if column.kind is Kind.MINOR and row[column.name]:
                    by = sums.setdefault(column.name, {})
                    currency = row[column.currency]
                    by[currency] = by.get(currency, 0) + int(row[column.name])
        assert totals.amounts == sums
