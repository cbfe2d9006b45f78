"""The settlement ledger: fees and net of payments, as balance transactions say."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from config.tests.rows import build
from payments.ledger import LedgerRow, Total, ledger, settlement_of, together
from payments.models import BalanceTransaction, Charge, Dispute, PaymentIntent, Refund

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def transaction(key: str, source: str, amount: int, fee: int = 0, **values: Any) -> None:
    values.setdefault("reporting_category", "charge")
    values.setdefault("created", START)
    values.setdefault("currency", "eur")
    build(
        BalanceTransaction,
        id=key,
        source=source,
        amount=amount,
        fee=fee,
        net=amount - fee,
        **values,
    )


def charged(key: str = "1", amount: int = 10_000, **values: Any) -> Charge:
    """A captured charge in dollars that settled in euros at 0.9."""
    named = values.setdefault("balance_transaction_id", f"txn_c{key}")
    if named:
        transaction(named, f"ch_{key}", amount * 9 // 10, 300)
    return build(
        Charge,
        **{
            "id": f"ch_{key}",
            "payment_intent_id": f"pi_{key}",
            "amount": amount,
            "amount_captured": amount,
            "currency": "usd",
            "status": "succeeded",
            "captured_at": START,
            **values,
        },
    )


def refunded(key: str = "1", of: str = "ch_1", amount: int = 1_000, **values: Any) -> Refund:
    named = values.setdefault("balance_transaction_id", f"txn_r{key}")
    if named:
        transaction(
            named, f"re_{key}", -amount * 9 // 10, reporting_category="refund", created=START + DAY
        )
    return build(
        Refund,
        **{
            "id": f"re_{key}",
            "charge_id": of,
            "amount": amount,
            "currency": "usd",
            "status": "succeeded",
            "succeeded_at": START,
            **values,
        },
    )


def disputed(status: str = "needs_response", *named: str, **values: Any) -> Dispute:
    return build(
        Dispute,
        **{
            "id": "dp_1",
            "charge_id": "ch_1",
            "amount": 9_000,
            "currency": "usd",
            "status": status,
            "balance_transactions": list(named),
            **values,
        },
    )


def withdrawn(key: str = "txn_w") -> None:
    transaction(key, "dp_1", -8_100, 1_500, reporting_category="dispute", created=START + 2 * DAY)


def reinstated(key: str = "txn_b") -> None:
    transaction(
        key, "dp_1", 8_100, -1_500, reporting_category="dispute_reversal", created=START + 9 * DAY
    )


def ids(payment: str = "pi_1") -> list[str]:
    return [movement.transaction.pk for movement in settlement_of([payment])[payment].movements]


def test_a_charge_its_refund_and_its_dispute_add_up_in_the_settlement_currency():
    charged()
    refunded()
    withdrawn()
    disputed("needs_response", "txn_w")
    found = settlement_of(["pi_1"])["pi_1"]
    assert ids() == ["txn_c1", "txn_r1", "txn_w"]
    assert found.totals == (Total("eur", 9_000 - 900 - 8_100, 300 + 1_500, -1_800),)
    assert found.missing == ()


def test_a_dispute_that_was_won_brings_money_and_fee_back():
    charged()
    withdrawn()
    reinstated()
    disputed("won", "txn_b", "txn_w")
    assert ids() == ["txn_c1", "txn_w", "txn_b"]
    assert settlement_of(["pi_1"])["pi_1"].totals == (Total("eur", 9_000, 300, 8_700),)


def test_a_refund_that_failed_comes_back():
    charged()
    refunded(status="failed", failed_at=START + 3 * DAY, failure_balance_transaction_id="txn_f")
    transaction("txn_f", "re_1", 900, reporting_category="refund_failure", created=START + 3 * DAY)
    assert settlement_of(["pi_1"])["pi_1"].totals == (Total("eur", 9_000, 300, 8_700),)


def test_a_fee_in_its_own_right_is_a_fee_and_no_gross():
    charged()
    transaction("txn_fee", "ch_1", -25, reporting_category="fee", created=START + DAY)
    assert settlement_of(["pi_1"])["pi_1"].totals == (Total("eur", 9_000, 325, 8_675),)


@pytest.mark.parametrize("named", ["txn_late", None])
def test_a_charge_whose_transaction_is_missing_is_unknown_and_not_0(named):
    charged(balance_transaction_id=named)
    BalanceTransaction.objects.all().delete()
    found = settlement_of(["pi_1"])["pi_1"]
    assert (found.totals, found.known, found.missing) == (None, (), (named or "ch_1",))


def test_a_transaction_that_only_its_source_names_is_found():
    charged(balance_transaction_id=None)
    transaction("txn_x", "ch_1", 9_000, 300)
    assert settlement_of(["pi_1"])["pi_1"].totals == (Total("eur", 9_000, 300, 8_700),)


@pytest.mark.parametrize("named", ["txn_late", None])
def test_a_refund_whose_transaction_is_missing_leaves_what_is_known(named):
    charged()
    refunded(balance_transaction_id=named)
    BalanceTransaction.objects.filter(source="re_1").delete()
    found = settlement_of(["pi_1"])["pi_1"]
    assert found.totals is None
    assert found.known == (Total("eur", 9_000, 300, 8_700),)
    assert found.missing == (named or "re_1",)


def test_money_that_must_have_come_back_is_unknown_until_it_has():
    """A refund that failed, a charge that failed after all, a dispute that was won."""
    charged("1")
    refunded("1", status="failed", failed_at=START)
    charged("2", status="failed")
    charged("3")
    withdrawn()
    disputed("won", "txn_w", charge_id="ch_3")
    found = settlement_of(["pi_1", "pi_2", "pi_3"])
    assert [row.missing for row in found.values()] == [("re_1",), ("ch_2",), ("dp_1",)]


def test_a_refund_that_hasnt_succeeded_has_moved_nothing_yet():
    charged()
    refunded(status="pending", succeeded_at=None, balance_transaction_id=None)
    assert settlement_of(["pi_1"])["pi_1"].missing == ()


def test_what_a_partial_capture_released_moved_nothing():
    charged(amount_captured=7_000)
    refunded(amount=3_000, balance_transaction_id=None)
    assert settlement_of(["pi_1"])["pi_1"].missing == ()


@pytest.mark.parametrize(
    ("status", "missing"),
    [
        ("needs_response", ("dp_1",)),
        ("lost", ("dp_1",)),
        ("a_status_of_tomorrow", ("dp_1",)),
        ("warning_needs_response", ()),
        ("warning_closed", ()),
        ("prevented", ()),
    ],
)
def test_a_dispute_without_transactions_is_unknown_unless_it_moves_no_money(status, missing):
    charged()
    disputed(status)
    assert settlement_of(["pi_1"])["pi_1"].missing == missing


def test_authorised_and_failed_charges_have_moved_nothing():
    charged("1", captured_at=None, amount_captured=0, balance_transaction_id=None)
    charged("2", captured_at=None, amount_captured=0, status="failed", balance_transaction_id=None)
    found = settlement_of(["pi_1", "pi_2"])
    assert [(found[key].totals, found[key].missing) for key in found] == [((), ()), ((), ())]


def test_an_intent_that_succeeded_but_has_no_charge_yet_is_unknown():
    build(PaymentIntent, id="pi_1", status="succeeded")
    build(PaymentIntent, id="pi_2", status="canceled")
    found = settlement_of(["pi_1", "pi_2", "pi_3"])
    assert {key: row.missing for key, row in found.items()} == {
        "pi_1": ("pi_1",),
        "pi_2": (),
        "pi_3": ("pi_3",),
    }


def test_the_payments_of_an_order_are_one_settlement_and_each_charge_has_its_part():
    charged("1")
    charged("2", amount=1_000)
    refunded(of="ch_2", amount=500)
    whole = together(settlement_of(["pi_1", "pi_2"]).values())
    assert whole.totals == (Total("eur", 9_000 + 900 - 450, 600, 8_850),)
    assert whole.of_charge("ch_2").totals == (Total("eur", 450, 300, 150),)


def test_currencies_of_settlement_are_never_added():
    charged("1")
    charged("2", balance_transaction_id=None)
    transaction("txn_gbp", "ch_2", 500, 10, currency="gbp")
    whole = together(settlement_of(["pi_1", "pi_2"]).values())
    assert whole.totals == (Total("eur", 9_000, 300, 8_700), Total("gbp", 500, 10, 490))


def test_many_payments_cost_as_many_statements_as_one(queries):
    for n in range(20):
        charged(str(n))
        refunded(str(n), of=f"ch_{n}")
    charged("x", balance_transaction_id=None)
    refunded("x", of="ch_x", balance_transaction_id=None)
    with queries() as asked:
        found = settlement_of([*(f"pi_{n}" for n in range(20)), "pi_x", "pi_unheard"])
    assert len(found) == 22
    assert len(asked) == 6


def test_nothing_asked_is_nothing_answered():
    assert settlement_of([]) == {}
    assert together([]).totals == ()


def days(*numbers: int) -> list[tuple[Any, datetime, datetime]]:
    """Days of March 2026 in UTC."""
    starts = [datetime(2026, 3, number, tzinfo=UTC) for number in numbers]
    return [(start.date(), start, start + DAY) for start in starts]


def test_the_ledger_has_each_movement_of_a_dispute_on_its_own_day():
    charged()
    refunded()
    withdrawn()
    reinstated()
    disputed("won", "txn_w", "txn_b")
    assert ledger(days(*range(1, 12))) == [
        LedgerRow(date(2026, 3, 1), "eur", "charge", 1, 9_000, 300, 8_700),
        LedgerRow(date(2026, 3, 2), "eur", "refund", 1, -900, 0, -900),
        LedgerRow(date(2026, 3, 3), "eur", "dispute", 1, -8_100, 1_500, -9_600),
        LedgerRow(date(2026, 3, 10), "eur", "dispute_reversal", 1, 8_100, -1_500, 9_600),
    ]


def test_the_ledger_keeps_currencies_and_categories_apart_and_sums_within():
    for key, currency, category in (
        ("1", "eur", "charge"),
        ("2", "eur", "charge"),
        ("3", "eur", "fee"),
        ("4", "gbp", "charge"),
    ):
        transaction(f"txn_{key}", "x", 100, 1, currency=currency, reporting_category=category)
    found = [
        (row.currency, row.reporting_category, row.transactions, row.net) for row in ledger(days(1))
    ]
    assert found == [("eur", "charge", 2, 198), ("eur", "fee", 1, 99), ("gbp", "charge", 1, 99)]


def test_a_day_begins_where_it_is_said_to_begin():
    """A day in Auckland begins the noon before in UTC."""
    transaction("txn_1", "x", 100, created=datetime(2026, 3, 1, 10, 59, 59, tzinfo=UTC))
    transaction("txn_2", "x", 10, created=datetime(2026, 3, 1, 11, tzinfo=UTC))
    noon = datetime(2026, 3, 1, 11, tzinfo=UTC)
    [first, second] = ledger(
        [(date(2026, 3, 1), noon - DAY, noon), (date(2026, 3, 2), noon, noon + DAY)]
    )
    assert (first.amount, second.amount) == (100, 10)


def test_the_ledger_of_no_days_is_empty():
    transaction("txn_1", "x", 100)
    assert ledger([]) == []


def test_the_ledger_of_all_days_is_the_balance(queries):
    charged()
    withdrawn()
    with queries() as asked:
        rows = ledger(days(*range(1, 12)))
    assert len(asked) == 1
    assert sum(row.net for row in rows) == sum(
        BalanceTransaction.objects.values_list("net", flat=True)
    )
