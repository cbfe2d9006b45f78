"""Which refunds are refunds of captured money: what a partial capture released is none."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection

from config.tests.rows import build
from payments.models import BalanceTransaction, Charge, Refund, Refundable
from payments.selectors import refunds_of_captured

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def captured_in_part() -> Charge:
    return build(
        Charge,
        id="ch_1",
        payment_intent_id="pi_1",
        amount=1_000,
        amount_captured=700,
        amount_refunded=300,
        currency="eur",
        status="succeeded",
        captured_at=NOON,
    )


def refund(amount: int, transaction: str | None) -> None:
    build(
        Refund,
        id="re_1",
        charge_id="ch_1",
        amount=amount,
        currency="eur",
        status="succeeded",
        succeeded_at=NOON,
        balance_transaction_id=transaction,
    )


def moved(category: str) -> None:
    build(
        BalanceTransaction,
        id="txn_1",
        source="re_1",
        amount=-300,
        fee=0,
        net=-300,
        currency="eur",
        reporting_category=category,
        created=LATER,
    )


def counted() -> list[tuple[str, datetime]]:
    return list(refunds_of_captured().values_list("id", "counted_at"))


def left() -> int:
    return Refundable.objects.get(pk="ch_1").left


def test_a_released_part_without_a_transaction_is_no_refund(captured_in_part: Charge) -> None:
    refund(300, None)
    assert (counted(), left()) == ([], 700)


def test_a_released_part_with_a_transaction_that_reverses_it_is_no_refund(
    captured_in_part: Charge,
) -> None:
    refund(300, "txn_1")
    moved("partial_capture_reversal")
    assert (counted(), left()) == ([], 700)


def test_a_released_part_of_any_amount_is_none_once_its_transaction_says_so(
    captured_in_part: Charge,
) -> None:
    refund(200, "txn_1")
    moved("partial_capture_reversal")
    assert (counted(), left()) == ([], 700)


def test_a_refund_of_just_the_released_amount_counts_once_its_transaction_says_so(
    captured_in_part: Charge,
) -> None:
    """Until then it may be either: counted wrongly, it could cancel an order; and who may refund
    once more must not be told that nothing was."""
    Charge.objects.update(amount_refunded=600)
    refund(300, "txn_1")
    assert (counted(), left()) == ([], 400)
    moved("refund")
    assert (counted(), left()) == ([("re_1", LATER)], 400)


def test_a_refund_of_another_amount_counts_without_its_transaction(
    captured_in_part: Charge,
) -> None:
    refund(100, "txn_1")
    assert counted() == [("re_1", NOON)]


@pytest.mark.parametrize(
    ("table", "column", "index"),
    [
        ("payments_charge", "payment", "charge_payment"),
        ("payments_balancetransaction", "source", "balancetransaction_source"),
        ("payments_stripeevent", "object_id", "stripeevent_object"),
    ],
)
def test_an_id_of_a_mirrored_object_is_found_by_index_wherever_it_stands(
    table: str, column: str, index: str
) -> None:
    more: Any = " AND other.object_type = 'charge'" if column == "object_id" else ""
    with connection.cursor() as cursor:
        for way in ("seqscan", "hashjoin", "mergejoin", "material"):
            cursor.execute(f"SET LOCAL enable_{way} = off")
        cursor.execute(
            f"EXPLAIN SELECT FROM payments_refund AS refund "
            f"LEFT JOIN {table} AS other ON other.{column} = refund.id{more}"
        )
        plan = "\n".join(row for (row,) in cursor.fetchall())
    assert re.search(rf"using {index} [^\n]+\n +Index Cond: .*{column} = \(refund.id\)", plan), plan
