"""``python -m bench.load ORDERS``: the past of a shop with so many orders, by a few statements.

The same number gives the same rows, but for the day on which they end. A year and more of growing
sales with one day that has 3% of them; 1,000 products and a customer for every four orders, a few
of each with most of the sales; three currencies, of which one is settled in another; failed
attempts, refunds, disputes, payouts. The rules that triggers and foreign keys hold are off while
rows come in: whether they are legal the checks say, which find nothing on the day of loading.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime

import django

from bench.databases import DAYS, PRODUCTS

# A number in [0, 1) that depends on the row and on what it is for.
CHANCE = """
CREATE FUNCTION bench_chance(n bigint, what int) RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (hashint8extended(n, what) & 1073741823) / 1073741824.0
"""
STAGED = """
CREATE UNLOGGED TABLE bench_line AS
WITH line AS (
    SELECT n, position,
        1 + floor({products} * power(bench_chance(n, 10 + position), 2.5))::int AS product,
        1 + (bench_chance(n, 20 + position) < .2)::int
            + (bench_chance(n, 20 + position) < .05)::int AS quantity
    FROM generate_series(1, {orders}) AS n CROSS JOIN generate_series(1, 4) AS position
    WHERE position = 1 OR bench_chance(n, 30 + position) < .6 / position
)
SELECT n, row_number() OVER (PARTITION BY n ORDER BY position) AS position, product, quantity,
    quantity * (500 + product * 7919 % 14500) AS total
FROM line;

CREATE UNLOGGED TABLE bench_sale AS
WITH sums AS (SELECT n, sum(total) AS lines FROM bench_line GROUP BY n),
drawn AS (
    SELECT n, lines,
        CASE WHEN bench_chance(n, 1) < .7 THEN 'usd' WHEN bench_chance(n, 1) < .9 THEN 'eur'
            ELSE 'jpy' END AS currency,
        1 + floor({customers} * power(bench_chance(n, 2), 1.6))::int AS customer,
        CASE WHEN bench_chance(n, 3) < .02 THEN 'abandoned'
            WHEN bench_chance(n, 3) < .035 THEN 'refunded before'
            WHEN bench_chance(n, 3) < .045 THEN 'refunded after'
            WHEN bench_chance(n, 3) < .075 THEN 'refunded in part'
            WHEN bench_chance(n, 3) < .078 THEN 'lost'
            WHEN bench_chance(n, 3) < .079 THEN 'won'
            ELSE 'plain' END AS fate,
        bench_chance(n, 4) < .06 AS tried_before,
        CASE WHEN bench_chance(n, 5) < .03
            THEN '{until}'::timestamptz - interval '40 days'
                + bench_chance(n, 6) * interval '1 day'
            ELSE '{until}'::timestamptz - interval '{days} days'
                * (1 - power((n - bench_chance(n, 6)) / {orders}, .8))
                - interval '15 minutes' END AS placed,
        CASE WHEN bench_chance(n, 7) < .3 THEN 500 ELSE 0 END AS shipping,
        CASE WHEN bench_chance(n, 8) < .1 THEN lines / 10 ELSE 0 END AS discount,
        bench_chance(n, 9) < .8 AS tells_tax
    FROM sums
),
timed AS (
    SELECT *, lines + shipping AS total, lines * 19 / 119 AS tax,
        date_trunc('second', placed) AS placed_at,
        date_trunc('second', placed + interval '30 seconds'
            + bench_chance(n, 40) * interval '10 minutes') AS paid_at
    FROM drawn
),
followed AS (
    SELECT *,
        date_trunc('second', paid_at + interval '1 hour'
            + power(bench_chance(n, 41), 2) * interval '40 hours') AS fulfilled_at,
        date_trunc('second', CASE
            WHEN fate = 'refunded before' THEN paid_at + interval '30 minutes'
            WHEN fate LIKE 'refunded%' OR fate IN ('lost', 'won')
            THEN paid_at + interval '4 days' + bench_chance(n, 42) * interval '20 days'
            END) AS back_at
    FROM timed
)
SELECT n, currency, customer, total, lines, shipping, discount, tells_tax, tax, tried_before,
    CASE WHEN back_at > '{until}' OR fate <> 'abandoned' AND back_at IS NULL
        THEN 'plain' ELSE fate END AS fate,
    placed_at,
    CASE WHEN fate <> 'abandoned' THEN paid_at END AS paid_at,
    CASE WHEN fulfilled_at < '{until}' AND fate <> 'abandoned'
        AND (fate <> 'refunded before' OR back_at > '{until}') THEN fulfilled_at END
        AS fulfilled_at,
    CASE WHEN back_at <= '{until}' THEN back_at END AS back_at,
    CASE WHEN fate = 'refunded in part' THEN greatest(lines / 3, 1) ELSE total END AS back,
    CASE WHEN customer % 7 <> 0 THEN 'cus_B' || substr(md5('cus' || customer), 1, 13) END AS cus,
    'buyer' || customer || '@example.com' AS email,
    'pi_3B' || substr(md5('pi' || n), 1, 22) AS pi,
    'ch_3B' || substr(md5('ch' || n), 1, 22) AS ch,
    'txn_3B' || substr(md5('txn' || n), 1, 22) AS txn
FROM followed;

CREATE UNIQUE INDEX ON bench_sale (n);
CREATE INDEX ON bench_line (n);
ANALYZE bench_sale, bench_line;
"""


def staged(orders: int, until: datetime) -> None:
    """What becomes of each order, and its lines, in tables that go away again."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bench_sale, bench_line, bench_moved")
        cursor.execute("DROP FUNCTION IF EXISTS bench_chance")
        cursor.execute(CHANCE)
        cursor.execute(
            STAGED.format(
                orders=orders,
                products=PRODUCTS,
                customers=max(orders // 4, 1),
                days=DAYS,
                until=until.isoformat(),
            )
        )


def finished() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE bench_sale, bench_line, bench_moved")
        cursor.execute("DROP FUNCTION bench_chance")
        cursor.execute("VACUUM (ANALYZE)")


def snapshots() -> None:
    from analyticsapp.services.snapshots import build_all

    build_all()


def sealed() -> None:
    from auditlog.sealing import seal

    seal()


def load(orders: int, until: datetime) -> None:
    """Fill the database that Django is set up for, telling each step and how long it took."""
    from django.db import connection

    from bench import history

    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("SET synchronous_commit = off")
        cursor.execute("SET maintenance_work_mem = '512MB'")
        cursor.execute("SET work_mem = '128MB'")
    steps: list[tuple[str, Callable[[], object]]] = [
        ("what becomes of each order", lambda: staged(orders, until)),
        *history.steps(until),
        ("leaving the tables tidy", finished),
        ("audit log sealed", sealed),
        ("snapshots", snapshots),
    ]
    for name, step in steps:
        if step in (sealed, snapshots):
            connection.close()  # these hold the rules again
        began = time.perf_counter()
        step()
        seconds = time.perf_counter() - began
        print(f"  {name:<32}{seconds:>8.1f} s", file=sys.stderr, flush=True)


def main() -> None:
    django.setup()
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    load(int(sys.argv[1]), midnight)


if __name__ == "__main__":
    main()
