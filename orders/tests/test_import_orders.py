"""``import_orders``: all or nothing, every mistake by line and column, the same again for free."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from auditlog.models import AuditEvent
from orders.changes import OrderChange
from orders.management.commands.import_orders import Command, columns_in_words
from orders.models import Customer, Order, OrderTransition, Product
from orders.services import importing
from orders.services.import_file import LINE_COLUMNS, ORDER_COLUMNS, Mistake
from orders.tests.conftest import enforce
from orders.tests.mirror import charge, intent, put

pytestmark = pytest.mark.django_db
HEADER = "number,currency,total,placed_at"
AT = "2026-03-01T12:00:00Z"
Write = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes rows below a header, and returns the file's path."""

    def write(*rows: str, header: str = HEADER, name: str = "orders.csv") -> str:
        path = tmp_path / name
        path.write_bytes("\n".join((header, *rows)).encode("utf-8", "surrogatepass"))
        return str(path)

    return write


def run(path: str, *options: str) -> str:
    out = io.StringIO()
    call_command("import_orders", path, *options, stdout=out, stderr=io.StringIO())
    enforce()
    return out.getvalue().strip()


def refused(path: str, *options: str, code: int = 1) -> list[str]:
    """What is said of a file that isn't imported, line by line."""
    before = everything()
    told = io.StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("import_orders", path, *options, stderr=told, stdout=io.StringIO())
    assert caught.value.returncode == code
    assert everything() == before
    return [*told.getvalue().splitlines(), str(caught.value)]


def everything() -> list[Any]:
    models = (Order, OrderTransition, AuditEvent, Customer, Product)
    return [list(model._default_manager.order_by("pk").values()) for model in models]


def test_an_order_is_imported_as_the_file_says(write):
    path = write(
        'A-1,USD,"1,234.50",2026-03-01T12:00:00+01:00,Ann@Example.com,Ann,1.50,,0',
        header=HEADER + ",email,name,discount,tax,shipping",
    )
    assert run(path) == "1 order with 0 lines imported; 0 unchanged; 0 linked to payments."
    order = Order.objects.get()
    assert (order.number, order.source, order.status) == ("A-1", "import", "pending")
    assert (order.currency, order.total_minor) == ("usd", 123450)
    assert order.placed_at.isoformat() == "2026-03-01T11:00:00+00:00"
    assert (order.discount_minor, order.tax_minor, order.shipping_minor) == (150, None, 0)
    assert order.customer == Customer.objects.get(email="ann@example.com", name="Ann")
    entry = AuditEvent.objects.get(action="order.created")
    assert (entry.actor_name, entry.reason) == ("job:import_orders", "imported from orders.csv")
    assert entry.target_id == str(order.pk)


def test_rows_of_one_number_are_its_lines(write):
    path = write(
        f"A-1;usd;30;{AT};MUG;A mug;2;20.00",
        ";;;;CUP;A cup;1;1",
        f"A-1;usd;30;{AT};CUP;A cup;1;7.50",
        "A-1;;;;;Wrapping;1;2.50",
        f"A-2;usd;5;{AT};MUG;;1;5",
        header=HEADER.replace(",", ";") + ";line_sku;line_description;line_quantity;line_total",
    )
    told = refused(path)
    assert [line for line in told if line.startswith("line 4")] == [
        "line 4, number: order A-1 begins in line 2: its rows must stand together"
    ]
    text = Path(path).read_text().splitlines()
    Path(path).write_text("\n".join(text[:2] + text[3:]))
    assert run(path).startswith("2 orders with 4 lines imported")
    assert [
        (line.product and line.product.sku, line.description, line.quantity, line.total_minor)
        for line in Order.objects.get(number="A-1").lines.all()
    ] == [
        ("MUG", "A mug", 2, 2000),
        ("CUP", "A cup", 1, 750),
        (None, "Wrapping", 1, 250),
    ]
    assert dict(Product.objects.values_list("sku", "name")) == {"MUG": "A mug", "CUP": "A cup"}


@pytest.mark.parametrize(
    ("currency", "text", "minor"),
    [("GBP", "1.5", 150), ("jpy", "500", 500), ("KWD", "1.230", 1230), ("ISK", "1500", 150000)],
)
def test_amounts_are_read_by_the_currencys_decimals(write, currency, text, minor):
    run(write(f"A-1,{currency},{text},{AT}"))
    assert Order.objects.get().total_minor == minor


def test_a_status_comes_from_the_times_with_a_transition_each(write, heard: list[OrderChange]):
    path = write(
        f"A-1,usd,1,{AT},,,,,",
        f"A-2,usd,1,{AT},2026-03-01T13:00:00Z,,,,",
        f"A-3,usd,1,{AT},2026-03-01T13:00:00Z,2026-03-02T13:00:00Z,,UPS,1Z 9",
        f"A-4,usd,1,{AT},,,2026-03-03T13:00:00Z,,",
        f"A-5,usd,1,{AT},2026-03-01T13:00:00Z,,2026-03-03T13:00:00Z,,",
        header=HEADER + ",paid_at,fulfilled_at,canceled_at,carrier,tracking_number",
    )
    run(path)
    assert list(Order.objects.order_by("number").values_list("status", "tracking_number")) == [
        ("pending", ""),
        ("paid", ""),
        ("fulfilled", "1Z 9"),
        ("canceled", ""),
        ("canceled", ""),
    ]
    moves = OrderTransition.objects.filter(order__number__in=["A-3", "A-5"]).order_by("pk")
    assert {(m.order.number, m.from_status, m.to_status, f"{m.at:%d %H}") for m in moves} == {
        ("A-3", "pending", "paid", "01 13"),
        ("A-3", "paid", "fulfilled", "02 13"),
        ("A-5", "pending", "paid", "01 13"),
        ("A-5", "paid", "canceled", "03 13"),
    }
    assert set(OrderTransition.objects.values_list("reason", flat=True)) == {
        "imported from orders.csv"
    }
    assert {(change.before, change.after.status) for change in heard} == {
        (None, status) for status in ("pending", "paid", "fulfilled", "canceled")
    }


LINES = ",paid_at,line_sku,line_quantity,line_total"


def test_stock_is_taken_only_when_asked(write, mug):
    row = f"{AT},2026-03-01T13:00:00Z,MUG,2,1"
    assert run(write(f"A-1,usd,1,{row}", header=HEADER + LINES)).endswith("payments.")
    mug.refresh_from_db()
    assert mug.stock == 3
    assert Order.objects.get().stock_settled
    path = write(
        f"A-2,usd,1,{row}", f"A-3,usd,1,{row}", f"A-4,usd,1,{AT},,MUG,1,1", header=HEADER + LINES
    )
    assert run(path, "--take-stock").endswith("; 1 oversold.")
    mug.refresh_from_db()
    assert mug.stock == 1
    assert dict(Order.objects.values_list("number", "oversold")) == {
        "A-1": False,
        "A-2": False,
        "A-3": True,
        "A-4": False,
    }
    assert not Order.objects.get(number="A-4").stock_settled  # its turn comes when it is paid


def test_the_same_again_changes_nothing(write):
    header = HEADER + ",email,paid_at,line_description,line_quantity,line_total"
    path = write(
        f"A-1,usd,3,{AT},a@b.c,2026-03-01T13:00:00Z,Mug,1,1",
        "A-1,,,,,,Cup,2,2",
        f"A-2,jpy,3,{AT},,,,,",
        header=header,
    )
    run(path)
    before = everything()
    assert run(path) == "0 orders with 0 lines imported; 2 unchanged; 0 linked to payments."
    assert everything() == before


def test_an_order_that_has_moved_on_is_unchanged(write):
    path = write(f"A-1,usd,10,{AT}")
    run(path)
    put(intent(order="A-1"), charge())
    assert Order.objects.get().status == "paid"
    assert "1 unchanged" in run(path)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (f"A-1,usd,11,{AT},a@b.c,,Mug,1,10", "line 2, total: is 10.00 USD"),
        (f"A-1,eur,10,{AT},a@b.c,,Mug,1,10", "line 2, currency: is usd"),
        ("A-1,usd,10,2026-03-01T12:00:01Z,a@b.c,,Mug,1,10", "line 2, placed_at: is 2026-03-01"),
        (f"A-1,usd,10,{AT},c@b.c,,Mug,1,10", "line 2, email: is a@b.c"),
        (f"A-1,usd,10,{AT},a@b.c,{AT},Mug,1,10", "line 2, paid_at: is not known"),
        (f"A-1,usd,10,{AT},a@b.c,,Mug,2,10", "has 1 × Mug for 10.00 USD as line 1, not 2 × Mug"),
        (f"A-1,usd,10,{AT},a@b.c,,Mug,1,10\nA-1,,,,,,Cup,1,1", "has nothing as line 2"),
    ],
)
def test_an_order_that_says_something_else_is_a_mistake(write, rows, told):
    header = HEADER + ",email,paid_at,line_description,line_quantity,line_total"
    run(write(f"A-1,usd,10,{AT},a@b.c,,Mug,1,10", header=header))
    said = refused(write(f"A-2,usd,1,{AT},,,,,", *rows.split("\n"), header=header))
    assert any(told.replace("line 2,", "line 3,") in line for line in said), said


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (f",usd,1,{AT}", ["line 2, number: is empty"]),
        (f"pi_1,usd,1,{AT}", ["line 2, number: begins as Stripe’s ids do"]),
        (f"{'x' * 256},usd,1,{AT}", ["line 2, number: an order's number has 1 to 255 characters"]),
        (f"a\tb,usd,1,{AT}", ["line 2, number: 'a\\tb' has characters that can't be in a text"]),
        (f"A-1,dollar,1,{AT}", ["line 2, currency: 'dollar' is not a currency in Stripe's form"]),
        (f"A-1,usd,,{AT}", ["line 2, total: is empty"]),
        (f"A-1,usd,1.005,{AT}", ["line 2, total: USD has 2 decimals"]),
        (f'A-1,usd,"1,5",{AT}', ["line 2, total: '1,5' is not an amount"]),
        (f"A-1,usd,-1,{AT}", ["line 2, total: a total of -100 can't be"]),
        (f"A-1,usd,{'9' * 20},{AT}", ["line 2, total: '99999999999999999999' is out of range"]),
        ("A-1,usd,1,yesterday", ["line 2, placed_at: 'yesterday' is not a time"]),
        ("A-1,usd,1,2026-03-01T12:00:00", ["line 2, placed_at: '2026-03-01T12:00:00' has no zone"]),
        ("A-1,usd,1,2999-03-01T12:00:00Z", ["line 2, placed_at: '2999-03-01T12:00:00Z' can’t be"]),
        ("A-1,usd,1,0001-01-01T00:00:00+14:00", ["line 2, placed_at: '0001-01-01T00:00:00+14:00'"]),
        ("A-1,usd,1", ["line 2: has 3 cells, the header 4"]),
        (
            "pi_1,us,x,soon",
            [
                "line 2, number: begins as Stripe’s ids do",
                "line 2, placed_at: 'soon' is not a time",
                "line 2, currency: 'us' is not a currency",
            ],
        ),
    ],
)
def test_every_mistake_is_said_by_line_and_column(write, row, told):
    said = refused(write(row))
    assert len(said) == len(told) + 1
    for line, start in zip(said, told, strict=False):
        assert line.startswith(start)


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        (f",{AT},,,,,", "fulfilled_at: an order that isn’t paid"),
        (f"{AT},{AT},{AT},,,,", "canceled_at: a fulfilled order"),
        (f"{AT},2026-02-01T12:00:00Z,,,,,", "fulfilled_at: is before paid_at"),
        (f"{AT},,2026-02-01T12:00:00Z,,,,", "canceled_at: is before paid_at"),
        (f"{AT},,,UPS,,,", "carrier: the order isn’t fulfilled"),
        (f"{AT},{AT},,,{'1' * 256},,", "tracking_number: a tracking number has at most"),
        (",,,,,1,", "line_total: is empty"),
        (",,,,,x,1", "line_quantity: 'x' is not a whole number"),
        (",,,,,0,1", "line_quantity: a quantity of 0 can't be"),
        (",,,,,2000000,1", "line_quantity: a quantity of 2000000 can't be"),
        (",,,,,1,x", "line_total: 'x' is not an amount"),
    ],
)
def test_a_course_or_a_line_that_cant_be_is_said(write, cells, told):
    header = "paid_at,fulfilled_at,canceled_at,carrier,tracking_number,line_quantity,line_total"
    mug = "Mug" if cells[-1] != "," or cells[-2] != "," else ""
    row = f"A-1,usd,1,{AT},{cells},{mug}"
    said = refused(write(row, header=f"{HEADER},{header},line_description"))
    assert [line.removeprefix("line 2, ").startswith(told) for line in said] == [True, False], said


def test_a_row_that_contradicts_or_only_repeats_its_order_is_a_mistake(write):
    header = HEADER + ",line_description,line_quantity,line_total"
    path = write(
        f"A-1,usd,1,{AT},Mug,1,1",
        "A-1,eur,,,Cup,1,1",
        f"A-1,usd,1,{AT},,,",
        header=header,
    )
    assert refused(path)[:-1] == [
        "line 3, currency: isn’t what line 2 says",
        "line 4: repeats the order and has no line of it",
    ]


def test_one_mistake_keeps_everything_out(write, monkeypatch):
    monkeypatch.setattr(importing, "BATCH", 2)
    rows = [f"A-{n},usd,1,{AT}" for n in range(9)]
    said = refused(write(*rows[:7], f"A-7,usd,x,{AT}", rows[8]))
    assert len(said) == 2
    assert said[1] == "Nothing was imported: 1 mistake in orders.csv."


def test_so_many_mistakes_are_shown_and_all_are_counted(write):
    said = refused(write(*(f"A-{n},usd,x,{AT}" for n in range(1203))))
    assert len(said) == 101
    assert said[-1] == (
        "Nothing was imported: 1,203 mistakes in orders.csv, of which 1,103 aren't shown."
    )


def test_a_dry_run_says_what_would_be_and_changes_nothing(write):
    path = write(f"A-1,usd,1,{AT}")
    before = everything()
    assert run(path, "--dry-run") == (
        "1 order with 0 lines would be imported; 0 unchanged. Nothing was changed."
    )
    assert everything() == before
    assert refused(write(f"A-1,usd,x,{AT}"), "--dry-run")


@pytest.mark.parametrize(
    ("rows", "header", "told"),
    [
        ((), "number,currency,total", "there is no column placed_at"),
        ((), HEADER + ",weight", "nobody knows a column 'weight'"),
        ((), "", "the first line isn't a header"),
        ((f"A-1,usd,1,{AT}", f"A\0,usd,1,{AT}"), HEADER, "line 3 holds a NUL"),
        ((f"A-1,usd,1,{AT}", f"\ud800,usd,1,{AT}"), HEADER, "line 3 isn't UTF-8"),
    ],
)
def test_a_file_that_cant_be_read_is_another_exit_code(write, rows, header, told):
    assert told in refused(write(*rows, header=header), code=2)[-1]


def test_a_file_that_isnt_there_is_unreadable(tmp_path):
    assert "No such file" in refused(str(tmp_path / "none.csv"), code=2)[-1]
    assert refused(str(tmp_path), code=2)


def test_standard_input_is_a_file_too(monkeypatch):
    content = io.BytesIO(f"{HEADER}\nA-1,usd,1,{AT}\n".encode())
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(content))
    assert run("-").startswith("1 order")
    assert AuditEvent.objects.get().reason == "imported from standard input"


def test_a_payment_that_waits_is_linked_and_pays_the_order(write):
    put(intent(order="A-1"), charge())
    path = write(f"A-1,usd,10,{AT}", f"A-2,usd,10,{AT}")
    assert run(path).endswith("1 linked to payments.")
    order = Order.objects.get(number="A-1")
    assert (order.status, order.captured_minor) == ("paid", 1000)
    assert run(path).endswith("2 unchanged; 0 linked to payments.")


def test_what_was_imported_but_not_linked_is_linked_by_the_same_again(write, monkeypatch):
    put(intent(order="A-1"), charge())
    path = write(f"A-1,usd,10,{AT}")
    with monkeypatch.context() as broken:
        broken.setattr(importing, "link", lambda *args: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run(path)
    assert Order.objects.get().status == "pending"
    assert run(path).endswith("1 unchanged; 1 linked to payments.")
    assert Order.objects.get().status == "paid"


def test_an_order_made_by_somebody_else_meanwhile_is_told(write, shop_order, monkeypatch):
    shop_order("A-1")
    monkeypatch.setattr(importing, "existing", lambda numbers: {})
    assert "made by somebody else" in refused(write(f"A-1,usd,10,{AT}"))[-1]


def ended_by_the_database(*args: object) -> None:
    """A statement that the database ends, as it does one of a deadlock's two."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 1")
        cursor.execute("SELECT pg_sleep(5)")


def test_what_the_database_ends_has_imported_nothing_and_says_so(write, monkeypatch):
    monkeypatch.setattr(importing, "existing", ended_by_the_database)
    assert refused(write(f"A-1,usd,10,{AT}")) == [
        "Nothing was imported: canceling statement due to statement timeout: try again."
    ]


def test_what_is_interrupted_has_imported_nothing_and_says_so(write, monkeypatch):
    def interrupt(news: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(importing, "announce", interrupt)
    assert refused(write(f"A-1,usd,10,{AT}"), code=130) == ["Interrupted. Nothing was imported."]


def test_a_database_that_ends_the_linking_has_imported_everything(write, monkeypatch):
    monkeypatch.setattr(importing, "link", ended_by_the_database)
    with pytest.raises(CommandError) as caught:
        run(write(f"A-1,usd,10,{AT}"))
    assert str(caught.value).startswith("All orders are imported, but not all payments")
    assert Order.objects.get().number == "A-1"


def test_buyers_are_held_by_one_lock_however_many_they_are(write, monkeypatch):
    """There is room for some thousands of locks, and a file may have more buyers."""
    monkeypatch.setattr(importing, "link", lambda *args: 0)
    rows = (f"A-{n},usd,10,{AT},a{n}@b.c,cus_{n}" for n in range(20))
    run(write(*rows, header=HEADER + ",email,stripe_customer"))
    assert Customer.objects.count() == 20
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
        )
        assert cursor.fetchone() == (1,)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_bar_on_a_terminal_isnt_red(write):
    terminal = Terminal()
    command = Command(stdout=io.StringIO(), stderr=terminal, force_color=True)
    call_command(command, write(f"A-1,usd,10,{AT}"))
    assert "[########################] 100%  2 lines" in terminal.getvalue()
    assert "\x1b" not in terminal.getvalue()


def test_a_batch_takes_as_many_statements_however_many_orders_it_has(write):
    header = HEADER + ",paid_at,fulfilled_at,email,line_sku,line_quantity,line_total"
    row = f"usd,1,{AT},{AT},{AT}"
    counts = []
    for start, size in ((0, 2), (2, 40)):
        path = write(
            *(f"A-{n},{row},a{n}@b.c,S{n},1,1" for n in range(start, start + size)), header=header
        )
        with CaptureQueriesContext(connection) as queries:
            run(path, "--take-stock")
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 45


def test_the_columns_are_documented():
    documented = (Path(__file__).parents[2] / "docs" / "import_orders.md").read_text()
    for name, what in {**ORDER_COLUMNS, **LINE_COLUMNS}.items():
        assert f"| `{name}` | {what.removeprefix('* ')} |" in documented
        assert f"  {name:<18}{what}" in columns_in_words()


def test_a_mistake_of_a_whole_row_names_no_column():
    assert str(Mistake(7, "", "is odd")) == "line 7: is odd"
