"""The settlement ledger by day, in the currencies that Stripe pays in."""

from __future__ import annotations

from analyticsapp.models import DisputeDay, FeeDay, SettlementDay
from analyticsapp.tables.table import SnapshotTable, Source, day_at, in_run

SETTLEMENT = SnapshotTable(
    model=SettlementDay,
    keys=("currency", "category"),
    measures=("transactions", "amount_minor", "fee_minor"),
    sources=(
        Source(
            f"""
            SELECT {day_at("created")} AS n, currency, reporting_category AS category,
                count(*) AS transactions, sum(amount) AS amount_minor,
                sum(fee) AS fee_minor
            FROM payments_balancetransaction
            WHERE {in_run("created")}
            GROUP BY n, currency, category
            """,
            ("transactions", "amount_minor", "fee_minor"),
        ),
    ),
)

# A fee is taken off another transaction, which details it, or is one of its own (category `fee`).
# What a transaction's details leave out is a fee nonetheless, of no stated type. What Stripe gives
# back is negative.
FEE_PARTS = """
    SELECT coalesce(detail ->> 'type', 'unspecified') AS type,
        (detail ->> 'amount')::bigint AS amount
    FROM jsonb_array_elements(moved.fee_details) AS detail
    UNION ALL
    SELECT 'unspecified', moved.fee - coalesce((
        SELECT sum((detail ->> 'amount')::bigint)
        FROM jsonb_array_elements(moved.fee_details) AS detail
    ), 0)
    UNION ALL
    SELECT moved.type, -moved.amount WHERE moved.reporting_category = 'fee'
"""
FEES = SnapshotTable(
    model=FeeDay,
    keys=("currency", "type"),
    measures=("amount_minor",),
    sources=(
        Source(
            f"""
            SELECT {day_at("created")} AS n, moved.currency, part.type,
                sum(part.amount) AS amount_minor
            FROM payments_balancetransaction AS moved CROSS JOIN LATERAL ({FEE_PARTS}) AS part
            WHERE {in_run("created")} AND part.amount <> 0
            GROUP BY n, moved.currency, part.type
            """,
            ("amount_minor",),
        ),
    ),
)

DISPUTES = SnapshotTable(
    model=DisputeDay,
    keys=("currency", "status"),
    measures=("amount_minor", "disputes"),
    sources=(
        Source(
            f"""
            SELECT {day_at("created")} AS n, currency, status, sum(amount) AS amount_minor,
                count(*) AS disputes
            FROM payments_dispute
            WHERE {in_run("created")}
            GROUP BY n, currency, status
            """,
            ("amount_minor", "disputes"),
        ),
    ),
)
