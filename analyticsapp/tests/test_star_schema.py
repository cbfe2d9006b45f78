"""The views of the schema ``bi``: what the BI pack has, and nothing that tells who somebody is."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.db import ProgrammingError, connection, transaction

from analyticsapp.exports import Export, Scope, all_exports, exports_of
from analyticsapp.exports.registry import BI
from analyticsapp.models import SnapshotState
from analyticsapp.tests.files import rows
from analyticsapp.tests.shop import at, charge, order, put, refund
from auditlog.columns import Kind
from orders.models import Customer, OrderPayment, Product
from payments.models import BalanceTransaction, Dispute
from payments.money import THREE_DECIMAL, WHOLE_UNITS, ZERO_DECIMAL, exponent

pytestmark = pytest.mark.django_db
STAR = exports_of(BI)
NAMES = [export.name for export in STAR]
TYPES = {
    Kind.TEXT: {"text"},
    Kind.TIME: {"timestamp with time zone"},
    Kind.DATE: {"date"},
    Kind.INTEGER: {"integer", "bigint"},
    Kind.MINOR: {"bigint"},
    Kind.DECIMAL: {"numeric"},
    Kind.FLAG: {"boolean"},
}


@pytest.fixture
def shop() -> None:
    ann = Customer.objects.create(
        stripe_customer_id="cus_1", email="ann@example.com", name="Ann", created_at=at(1)
    )
    guest = Customer.objects.create(email="ann@example.com", same_as=ann, created_at=at(1))
    mug = Product.objects.create(sku="mug", name="=Mug", created_at=at(1))
    paid = charge(10_000, at(2), payment_intent_id="pi_1", payment_method_type="card")
    put(
        BalanceTransaction,
        "txn_1",
        amount=9_000,
        fee=300,
        net=8_700,
        currency="usd",
        type="charge",
        reporting_category="charge",
        status="available",
        available_on=at(4),
        created=at(2),
    )
    put(type(paid), paid.pk, balance_transaction_id="txn_1")
    put(
        Dispute,
        "dp_1",
        amount=1,
        currency="eur",
        status="lost",
        charge_id=paid.pk,
        created=at(9),
    )
    first = order(at(2, 23), 10_000, customer=guest, email="ann@example.com", tax_minor=7)
    first.lines.create(position=0, product=mug, description="Mug", quantity=2, total_minor=10_000)
    OrderPayment.objects.create(order=first, payment="pi_1", linked_at=at(2))
    refund(paid, 1_000, at(3))
    charge(70, at(2), currency="jpy")
    charge(1_234, None, currency="kwd", status="failed", created=at(3), failure_code="declined")
    order(None, 70, currency="jpy")
    order(at(30), 5, currency="kwd")


def transaction_of(source: str, amount: int, category: str = "charge", fee: int = 0) -> None:
    put(
        BalanceTransaction,
        f"txn_{category}_{source}",
        amount=amount,
        fee=fee,
        net=amount - fee,
        currency="eur",
        type=category,
        reporting_category=category,
        source=source,
        status="available",
        available_on=at(4),
        created=at(2),
    )


def test_a_payment_has_all_of_its_own_transactions() -> None:
    part = charge(
        1_000, at(2), amount_captured=700, balance_transaction_id="txn_charge_ch_a", id="ch_a"
    )
    refund(part, 300, at(2), id="re_a", balance_transaction_id="txn_partial_capture_reversal_re_a")
    transaction_of("ch_a", 1_000, fee=40)
    transaction_of("re_a", -300, "partial_capture_reversal", fee=-5)
    charge(500, at(2), id="ch_b")  # names none yet
    transaction_of("ch_b", 500, fee=20)
    charge(200, at(2), id="ch_c")  # has none

    scope = Scope(at(1).date(), at(9).date())
    found = {
        row["charge"]: (row["settlement_currency"], row["settled_minor"], row["fee_minor"])
        for row in rows("fact_payments", scope)
    }

    assert found == {
        "ch_a": ("eur", "700", "35"),
        "ch_b": ("eur", "500", "20"),
        "ch_c": ("", "", ""),
    }


def selected(sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        assert cursor.description is not None
        return [column.name for column in cursor.description], cursor.fetchall()


def as_file(kind: Kind, value: Any) -> str:
    """How a file has what a view gives."""
    match kind, value:
        case _, None:
            return ""
        case Kind.FLAG, bool():
            return "yes" if value else "no"
        case Kind.TIME, datetime():
            return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        case Kind.TEXT, str():
            return value.replace("=", "'=")
    return str(value)


@pytest.mark.parametrize("export", STAR, ids=NAMES)
def test_a_file_of_the_pack_is_its_view(export: Export, shop: None) -> None:
    names, found = selected(f"SELECT * FROM bi.{export.name} ORDER BY {export.order}")
    kinds = {column.name: column.kind for column in export.columns}
    assert names == [column.name for column in export.columns if not column.personal]
    assert found
    assert rows(export.name) == [
        {name: as_file(kinds[name], value) for name, value in zip(names, row, strict=True)}
        for row in found
    ]


@pytest.mark.parametrize("export", STAR, ids=NAMES)
def test_a_views_columns_are_of_the_promised_types(export: Export) -> None:
    _, found = selected(
        "SELECT column_name, data_type FROM information_schema.columns "
        f"WHERE table_schema = 'bi' AND table_name = '{export.name}' ORDER BY ordinal_position"
    )
    shown = [column for column in export.columns if not column.personal]
    assert [name for name, _ in found] == [column.name for column in shown]
    for column, (_, type_) in zip(shown, found, strict=True):
        assert type_ in TYPES[column.kind], column.name


def test_the_schema_has_the_packs_views_and_the_watermark() -> None:
    _, found = selected("SELECT viewname FROM pg_views WHERE schemaname = 'bi' ORDER BY 1")
    assert [name for (name,) in found] == sorted([*NAMES, "watermark"])


def test_facts_lead_to_their_dimensions_and_to_one_another(shop: None) -> None:
    (first, *others) = rows("fact_orders")
    (line,) = rows("fact_order_lines")
    (refunded,) = rows("fact_refunds")
    payments = {row["currency"]: row for row in rows("fact_payments")}
    (customer,) = rows("dim_customer")  # the guest is her
    (product,) = rows("dim_product")
    assert first["customer_id"] == line["customer_id"] == customer["customer_id"]
    assert line["product_id"] == product["product_id"]
    assert line["order_id"] == first["order_id"] == refunded["order_id"]
    assert payments["eur"]["order_id"] == first["order_id"]
    assert payments["eur"]["charge"] == refunded["charge"]
    assert others[0]["customer_id"] == ""
    dates = {row["day"] for row in rows("dim_date")}
    facts = (*rows("fact_orders"), *payments.values(), refunded, customer)
    days = {value for row in facts for name, value in row.items() if name.endswith("_day")}
    assert days - {""} <= dates


def test_a_payment_says_what_it_brought_in_which_currency(shop: None) -> None:
    payments = {row["currency"]: row for row in rows("fact_payments")}
    eur = payments["eur"]
    assert (eur["captured"], eur["settled"], eur["fee"]) == ("100.00", "90.00", "3.00")
    assert (eur["settlement_currency"], eur["disputed"], eur["method"]) == ("usd", "yes", "card")
    assert payments["jpy"]["captured"] == "70"
    assert (payments["kwd"]["amount"], payments["kwd"]["captured_minor"]) == ("1.234", "0")
    assert (payments["kwd"]["failure_code"], payments["kwd"]["captured_at"]) == ("declined", "")


def test_decimals_are_those_of_the_one_table() -> None:
    currencies = [*ZERO_DECIMAL, *THREE_DECIMAL, *WHOLE_UNITS, "eur", "usd", "zzz"]
    for currency in currencies:
        order(None, 123_456, currency=currency)
    _, found = selected("SELECT currency, total FROM bi.fact_orders")
    assert dict(found) == {one: Decimal(123_456).scaleb(-exponent(one)) for one in currencies}
    assert [str(row["total"]) for row in rows("fact_orders")] == [str(total) for _, total in found]


def test_days_are_those_of_the_snapshots(shop: None) -> None:
    SnapshotState.objects.create(refreshed_at=at(24), time_zone="Asia/Tokyo")
    (first, *_) = rows("fact_orders")
    assert (first["paid_at"], first["paid_day"]) == ("2026-11-02T23:00:00Z", "2026-11-03")
    names, found = selected("SELECT * FROM bi.watermark")
    assert dict(zip(names, found[0], strict=True)) == {
        "time_zone": "Asia/Tokyo",
        "figures_as_of": at(24),
    }


def test_dates_say_what_calendars_do(shop: None) -> None:
    found = {row["day"]: row for row in rows("dim_date")}
    assert list(found) == sorted(found)
    assert found["2026-11-01"] == {
        "day": "2026-11-01",
        "year": "2026",
        "quarter": "2026-Q4",
        "month": "2026-11",
        "week": "2026-W44",
        "weekday": "7",
        "weekend": "yes",
    }
    for day, row in found.items():
        iso = date.fromisoformat(day).isocalendar()
        assert row["week"] == f"{iso.year}-W{iso.week:02}"
        assert row["weekday"] == str(iso.weekday)


def test_a_pack_of_some_days_has_the_facts_of_those_days(shop: None) -> None:
    third = Scope(at(3).date(), at(3).date())
    assert [row["currency"] for row in rows("fact_payments", third)] == ["kwd"]
    assert len(rows("fact_refunds", third)) == 1
    assert rows("fact_orders", third) == []
    assert len(rows("fact_orders", replace(third, first=at(1).date(), currency="jpy"))) == 1
    assert rows("dim_customer", third) == rows("dim_customer")


# The reader's role


@pytest.fixture
def reader() -> str:
    """A role as docs/bi.md makes it. It ends with the test's transaction."""
    described = (settings.BASE_DIR / "docs" / "bi.md").read_text(encoding="utf-8")
    (script,) = re.findall(r"```sql\n(.*?)```", described, re.DOTALL)
    name = f"bi_reader_of_{connection.settings_dict['NAME']}"
    with connection.cursor() as cursor:
        cursor.execute(script.replace("bi_reader", f'"{name}"'))
    return name


def as_role(role: str, sql: str) -> list[tuple[Any, ...]]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f'SET LOCAL ROLE "{role}"')
        cursor.execute(sql)
        found = cursor.fetchall() if cursor.description else []
        cursor.execute("RESET ROLE")
        return found


def test_the_documented_role_reads_every_view(reader: str, shop: None) -> None:
    for name in [*NAMES, "watermark"]:
        assert as_role(reader, f"SELECT * FROM bi.{name}")
    with connection.cursor() as cursor:  # one that a later version adds, too
        cursor.execute("CREATE VIEW bi.later AS SELECT 1")
    assert as_role(reader, "SELECT * FROM bi.later") == [(1,)]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT email FROM orders_customer",
        "SELECT number FROM orders_order",
        "SELECT payload FROM payments_stripeevent",
        "SELECT password FROM auth_user",
        "UPDATE bi.dim_product SET name = 'x'",
        "DELETE FROM bi.dim_product",
        "CREATE VIEW bi.mine AS SELECT 1",
    ],
)
def test_the_documented_role_reaches_nothing_else(reader: str, shop: None, sql: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"):
        as_role(reader, sql)


def test_no_view_tells_who_somebody_is(shop: None) -> None:
    for name in NAMES:
        for row in rows(name):
            assert not [value for value in row.values() if "Ann" in value or "@" in value], name
    personal = {c.name for one in all_exports().values() for c in one.columns if c.personal}
    _, found = selected(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = 'bi' "
        "AND table_name <> 'dim_product'"
    )
    assert not personal & {name for (name,) in found}
