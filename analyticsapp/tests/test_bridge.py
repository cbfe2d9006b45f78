"""The bridge: whatever happened, net sales lead to the settlement, line by line."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import override_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analyticsapp.days import DAY, day_of
from analyticsapp.models import BridgeDay
from analyticsapp.services import snapshots
from analyticsapp.tables.bridge import BRIDGE
from analyticsapp.tests.counted_bridge import Bridge
from analyticsapp.tests.shop import at, put
from payments.models import BalanceTransaction, Charge, Dispute, Refund

pytestmark = pytest.mark.django_db


def charged(key: str, amount: int, when: datetime | None, **values: Any) -> None:
    put(
        Charge,
        f"ch_{key}",
        **{
            "amount": amount,
            "amount_captured": amount if when else 0,
            "captured_at": when,
            "created": when,
            "currency": "usd",
            "status": "succeeded",
            "balance_transaction_id": f"txn_{key}",
            **values,
        },
    )


def refunded(key: str, of: str, amount: int, when: datetime, **values: Any) -> None:
    put(
        Refund,
        f"re_{key}",
        **{
            "amount": amount,
            "charge_id": f"ch_{of}",
            "currency": "usd",
            "status": "succeeded",
            "succeeded_at": when,
            "created": when,
            "balance_transaction_id": f"txn_r{key}",
            **values,
        },
    )


def moved(
    key: str,
    amount: int,
    when: datetime,
    category: str = "charge",
    *,
    fees: dict[str, int] | None = None,
    **values: Any,
) -> None:
    details = [{"type": kind, "amount": taken} for kind, taken in (fees or {}).items()]
    fee = values.pop("fee", sum((fees or {}).values()))
    put(
        BalanceTransaction,
        f"txn_{key}",
        **{
            "amount": amount,
            "fee": fee,
            "net": amount - fee,
            "fee_details": details,
            "currency": "usd",
            "type": category,
            "reporting_category": category,
            "source": f"ch_{key}",
            "status": "available",
            "available_on": when,
            "created": when,
            **values,
        },
    )


def lines(day: int, currency: str = "usd") -> dict[str, int]:
    """The lines of a day of November in one currency, without those that begin it."""
    snapshots.refresh()
    rows = BridgeDay.objects.filter(day=date(2026, 11, day), currency=currency)
    found: Counter[str] = Counter()
    for line, amount in rows.values_list("line", "amount_minor"):
        found[line] += amount
    return {line: amount for line, amount in found.items() if line not in ("captured", "refunded")}


def test_a_sale_that_is_settled_as_it_was_has_its_fees_alone() -> None:
    charged("1", 1_000, at(3))
    moved("1", 1_000, at(3, 13), fees={"stripe_fee": 59, "tax": 11})
    assert lines(3) == {"fee:stripe_fee": -59, "fee:tax": -11}


def test_an_exchange_leaves_one_currency_and_comes_into_the_other() -> None:
    charged("1", 1_000, at(3))
    moved("1", 920, at(3), currency="eur", fees={"stripe_fee": 50})
    assert lines(3, "usd") == {"exchanged_out": -1_000}
    assert lines(3, "eur") == {"exchanged_in": 920, "fee:stripe_fee": -50}
    fee = BridgeDay.objects.get(line="fee:stripe_fee")
    assert (fee.currency, fee.counterpart) == ("eur", "usd")


def test_what_is_captured_and_not_in_the_balance_yet_leaves_its_day_and_comes_in_later() -> None:
    charged("1", 1_000, at(3), balance_transaction_id=None)
    assert lines(3) == {"sales_unsettled": -1_000}
    moved("1", 1_000, at(5))
    assert (lines(3), lines(5)) == ({"sales_out": -1_000}, {"sales_in": 1_000})
    other = dict(BridgeDay.objects.exclude(other_day=None).values_list("line", "other_day"))
    assert other == {"sales_out": date(2026, 11, 5), "sales_in": date(2026, 11, 3)}


def test_refunds_go_the_same_way_and_those_that_fail_come_back() -> None:
    charged("1", 1_000, at(1))
    moved("1", 1_000, at(1))
    refunded("1", "1", 400, at(3), balance_transaction_id=None)
    assert lines(3) == {"refunds_unsettled": 400}
    moved("r", -400, at(4), "refund", source="re_1")
    assert (lines(3), lines(4)) == ({"refunds_out": 400}, {"refunds_in": -400})
    put(Refund, "re_1", status="failed", failed_at=at(6))
    assert lines(6) == {"refunds_unsettled": -400}
    moved("b", 390, at(6), "refund_failure", source="re_1")
    assert lines(6) == {"amounts_differ": -10}


def test_a_released_part_belongs_to_its_charge() -> None:
    """https://docs.stripe.com/reports/reporting-categories: the charge's transaction is of the
    whole amount, and another reverses what wasn't captured."""
    charged("1", 1_000, at(3), amount_captured=700)
    refunded("1", "1", 300, at(3))
    moved("1", 1_000, at(3))
    moved("r1", -300, at(3), "partial_capture_reversal", source="re_1")
    assert lines(3) == {}
    moved("1", 900, at(3), currency="eur")
    moved("r1", -270, at(3), "partial_capture_reversal", source="re_1", currency="eur")
    assert (lines(3, "usd"), lines(3, "eur")) == (
        {"exchanged_out": -700},
        {"exchanged_in": 630},
    )


def test_disputes_adjustments_and_what_nobody_knows_have_lines_by_name() -> None:
    charged("1", 1_000, at(1))
    put(Dispute, "dp_1", charge_id="ch_1", amount=1_000, currency="usd", status="won")
    moved("w", -930, at(3), "dispute", currency="eur", fees={"dispute": 15}, source="dp_1")
    moved("b", 930, at(3), "dispute_reversal", currency="eur", source="dp_1")
    moved("a", 5, at(3), "other_adjustment", currency="eur", source="")
    moved("m", -7, at(3), "moon_tax", currency="eur", source="")
    moved("f", -200, at(3), "fee", currency="eur", source="", type="stripe_fee")
    moved("p", -500, at(3), "payout", currency="eur", source="po_1", fee=4)
    assert lines(3, "eur") == {
        "category:dispute": -930,
        "category:dispute_reversal": 930,
        "category:moon_tax": -7,
        "category:other_adjustment": 5,
        "category:payout": -500,
        "fee:dispute": -15,
        "fee:stripe_fee": -200,
        "fee:unspecified": -4,
    }
    told = BridgeDay.objects.filter(counterpart="usd").values_list("line", flat=True)
    assert set(told) == {"category:dispute", "category:dispute_reversal", "fee:dispute"}


def test_a_released_part_that_is_booked_later_is_between_the_days() -> None:
    for key, named in (("1", "txn_r1"), ("2", None)):
        charged(key, 1_000, at(3), amount_captured=700)
        refunded(key, key, 300, at(3), balance_transaction_id=named)
        moved(key, 1_000, at(3))
        source = "" if named else f"re_{key}"
        moved(f"r{key}", -300, at(5), "partial_capture_reversal", source=source)
    assert (lines(3), lines(5)) == ({"sales_out": 600}, {"sales_in": -600})
    for day in (3, 5):  # each alone, without the rows of the other
        snapshots.build([date(2026, 11, day)])
    assert (lines(3), lines(5)) == ({"sales_out": 600}, {"sales_in": -600})


def test_a_transaction_that_two_charges_name_is_the_first_ones() -> None:
    charged("2", 100, at(2), balance_transaction_id="txn_1")
    moved("1", 100, at(4))
    assert (lines(2), lines(4)) == ({"sales_out": -100}, {"sales_in": 100})
    charged("1", 90, at(3), balance_transaction_id="txn_1")
    assert (lines(2), lines(3)) == ({"sales_unsettled": -100}, {"sales_out": -90})
    assert lines(4) == {"sales_in": 90, "amounts_differ": 10}


def test_a_transaction_is_the_charges_that_names_it_rather_than_its_sources() -> None:
    charged("1", 100, at(2), balance_transaction_id=None)
    moved("1", 100, at(4))
    charged("9", 100, at(4), balance_transaction_id="txn_1")
    assert (lines(2), lines(4)) == ({"sales_unsettled": -100}, {})


def test_of_two_transactions_of_one_charge_the_first_is_its_own() -> None:
    charged("1", 100, at(3), balance_transaction_id=None)
    moved("b", 100, at(5), source="ch_1")
    assert (lines(3), lines(5)) == ({"sales_out": -100}, {"sales_in": 100})
    moved("a", 100, at(4), source="ch_1")
    assert (lines(4), lines(5)) == ({"sales_in": 100}, {"unmatched": 100})
    moved("a", 100, at(4), source="")
    assert (lines(4), lines(5)) == ({"unmatched": 100}, {"sales_in": 100})


def test_a_charge_whose_transaction_turns_out_to_be_anothers_has_none_any_more() -> None:
    charged("1", 100, at(3), balance_transaction_id=None)
    moved("1", 100, at(4))
    assert lines(3) == {"sales_out": -100}
    moved("1", 100, at(4), source="")
    assert lines(3) == {"sales_unsettled": -100}


def test_a_dispute_that_is_told_of_after_its_money_moved_tells_the_currency() -> None:
    moved("w", -930, at(3), "dispute", currency="eur", source="dp_1")
    assert lines(3, "eur") == {"category:dispute": -930}
    assert BridgeDay.objects.get().counterpart == ""
    put(Dispute, "dp_1", amount=1_000, currency="usd", status="lost", created=at(9))
    snapshots.refresh()
    assert BridgeDay.objects.get().counterpart == "usd"


def test_a_transaction_of_nobody_is_shown() -> None:
    moved("1", 100, at(3))
    moved("2", -40, at(3), "refund", source="re_9")
    assert lines(3) == {"unmatched": 60}
    assert BridgeDay.objects.get().rows == 2


TIMES = st.builds(at, st.integers(1, 4), st.sampled_from([0, 4, 5, 23]))
MAYBE = st.none() | TIMES | TIMES
CURRENCY = st.sampled_from(["eur", "usd"])
AMOUNT = st.sampled_from([0, 100, 100, 100, 250])
NAMED = st.none() | st.sampled_from(["txn_0", "txn_1", "txn_2", "txn_3", "txn_gone"])
CATEGORIES = (
    "charge charge refund refund_failure partial_capture_reversal fee payout dispute moon_tax"
)
CATEGORY = st.sampled_from(CATEGORIES.split())
SOURCE = st.sampled_from(["", "ch_0", "ch_1", "re_0", "re_1", "dp_0"])
WHICH = st.integers(0, 1)
STEP = st.one_of(
    st.tuples(st.just("charge"), WHICH, MAYBE, CURRENCY, AMOUNT, NAMED),
    st.tuples(st.just("refund"), WHICH, WHICH, MAYBE, MAYBE, CURRENCY, AMOUNT, NAMED, NAMED),
    st.tuples(st.just("moved"), st.integers(0, 3), TIMES, CURRENCY, AMOUNT, CATEGORY, SOURCE),
    st.tuples(st.just("dispute"), MAYBE, CURRENCY),
)
# After each step, whether a refresh comes between it and the next one.
STEPS = st.lists(st.tuples(STEP, st.sampled_from([False, False, True])), min_size=6, max_size=12)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS, zone=st.sampled_from(["UTC", "America/Havana"]))
def test_any_history_adds_up_and_is_the_same_bit_by_bit_anew_and_by_hand(
    steps: list[Any], zone: str
) -> None:
    """Clocks in Havana go back at one in the night of 1 November 2026."""
    with thrown_away(), override_settings(REPORTING_TIME_ZONE=zone):
        snapshots.refresh()
        for (kind, *values), then_refresh in steps:
            take(kind, values)
            if then_refresh:
                snapshots.refresh()
        snapshots.refresh()
        kept = every_row()
        assert kept == {key: tuple(sums) for key, sums in Bridge().lines.items()}
        assert sums_by_day(kept) == net_by_day()
        with connection.cursor() as cursor:
            cursor.execute(*BRIDGE.differing([date(2026, 10, 30) + n * DAY for n in range(9)]))
            assert not cursor.fetchall()
        BridgeDay.objects.all().delete()
        snapshots.build_all()
        assert every_row() == kept


def take(kind: str, values: list[Any]) -> None:
    if kind == "charge":
        n, captured_at, currency, amount, named = values
        charged(
            str(n),
            250,
            captured_at,
            amount_captured=amount,
            currency=currency,
            balance_transaction_id=named,
        )
    elif kind == "refund":
        n, of, succeeded_at, failed_at, currency, amount, named, back = values
        refunded(
            str(n),
            str(of),
            amount,
            succeeded_at,
            currency=currency,
            failed_at=failed_at,
            balance_transaction_id=named,
            failure_balance_transaction_id=back,
        )
    elif kind == "moved":
        n, created, currency, amount, category, source = values
        sign = 1 if category == "charge" else -1
        moved(
            str(n),
            sign * amount,
            created,
            category,
            currency=currency,
            source=source,
            fees={"tax": n} if n else None,
            fee=2 * n,
        )
    else:
        created, currency = values
        put(Dispute, "dp_0", created=created, currency=currency, amount=5, status="lost")


def every_row() -> dict[Any, tuple[int, int]]:
    rows = BridgeDay.objects.values_list(*BRIDGE.columns, *BRIDGE.measures)
    return {tuple(key): (amount, count) for *key, amount, count in rows}


def sums_by_day(kept: dict[Any, tuple[int, int]]) -> dict[tuple[date, str], int]:
    sums: dict[tuple[date, str], int] = defaultdict(int)
    for (day, currency, *_), (amount, _) in kept.items():
        sums[day, currency] += amount
    return {key: amount for key, amount in sums.items() if amount}


def net_by_day() -> dict[tuple[date, str], int]:
    sums: dict[tuple[date, str], int] = defaultdict(int)
    for row in BalanceTransaction.objects.exclude(created=None):
        assert row.created
        sums[day_of(row.created), row.currency] += row.net
    return {key: amount for key, amount in sums.items() if amount}


@contextmanager
def thrown_away() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def test_a_day_is_counted_through_indexes() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        sql, parameters = BRIDGE.count([date(2026, 11, 3)], at(4))
        cursor.execute(f"EXPLAIN {sql}", parameters)
        plan = "\n".join(row for (row,) in cursor.fetchall())
    assert "Seq Scan on payments_" not in plan
    assert "charge_captured_at" in plan
    assert "balancetransaction_created" in plan
