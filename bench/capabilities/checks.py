"""All checks, and what new issues cost on top."""

from __future__ import annotations

from django.db import connection, transaction
from django.utils import timezone

from auditlog.context import acting_as, job
from bench.registry import Figure, Measured, capability
from bench.timing import alternating, command, seconds, statement
from monitoring.models import CheckRun
from monitoring.services.runs import run_checks

RUNS = 3
NEW_ISSUES = 10_000
# The rows that checks are about: whoever looks at all of them reads each table once.
ONE_PASS = tuple(
    f"SELECT count(row.*) FROM {table} AS row"
    for table in (
        "orders_order",
        "orders_orderline",
        "orders_ordertransition",
        "orders_orderpayment",
        "payments_paymentintent",
        "payments_charge",
        "payments_refund",
        "payments_dispute",
        "payments_balancetransaction",
        "payments_stripeevent",
    )
)


@capability("run_checks", "All checks, in a process of its own", "≤ 10 s, ≤ 150 MB")
def all_checks() -> Measured:
    runs = []

    def ours() -> None:
        runs.append(command("run_checks"))

    times, limits = alternating(ours, statement(*ONE_PASS), RUNS)
    results = CheckRun.objects.filter(only=[]).latest("id").results
    slowest = sorted(results, key=lambda one: -one["milliseconds"])[:10]
    peak = max(run.peak_mb for run in runs)
    return Measured(
        unit="s",
        ours=Figure.of(times),
        limit=Figure.of(limits),
        limit_is="one pass over each of the tables that the checks read",
        met=Figure.of(times).median <= 10 and peak <= 150,
        detail={
            "peak MB": peak,
            "issues found": sum(one["found"] for one in results),
            "slowest, ms": {one["check"]: one["milliseconds"] for one in slowest},
        },
    )


@capability("10,000 new issues", "What they add to the check that finds them", "≤ 2 s more")
def new_issues() -> Measured:
    """In a transaction that is rolled back: 10,000 orders whose total isn't their lines'."""
    check = "total_differs_from_lines"

    def run() -> float:
        with acting_as(job("bench")):
            return seconds(lambda: run_checks([check], now=timezone.now()))

    more = []
    for _ in range(RUNS):
        with transaction.atomic():
            without = run()
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL session_replication_role = replica")
                cursor.execute(
                    "UPDATE orders_order SET total_minor = total_minor + 1000000 WHERE id IN "
                    "(SELECT id FROM orders_order WHERE tax_minor IS NOT NULL "
                    f"ORDER BY id LIMIT {NEW_ISSUES})"
                )
                cursor.execute("SET LOCAL session_replication_role = origin")
            more.append(run() - without)
            found = CheckRun.objects.latest("id").found
            transaction.set_rollback(True)
    return Measured(
        unit="s",
        ours=Figure.of(more),
        met=Figure.of(more).median <= 2,
        detail={"new issues": found},
    )
