"""The rows of a shop's past: one statement a table, from what becomes of each order."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial

from django.db import connection

from auditlog.models import AuditEvent
from bench.databases import EVENTS, PRODUCTS
from bench.filling import fill, restart_ids
from orders import models as shop
from payments import models as stripe

Step = tuple[str, Callable[[], object]]
VERSION = "2025-10-29.clover"
MIRRORED = {"livemode": "false", "api_version": f"'{VERSION}'"}
DISPUTED = "fate IN ('lost', 'won')"
REFUNDED = "fate LIKE 'refunded%'"

# What moved in Stripe's balance: a row for each charge, refund and dispute, yen settled in dollars.
MOVED = """
CREATE UNLOGGED TABLE bench_moved AS
WITH moved AS (
    SELECT txn AS id, ch AS source, 'charge' AS type, 'charge' AS category, paid_at AS at,
        total AS amount, currency, 'charge' AS fee_for
    FROM bench_sale WHERE paid_at IS NOT NULL
    UNION ALL
    SELECT replace(txn, 'txn_3B', 'txn_3R'), replace(ch, 'ch_', 're_'), 'refund', 'refund', back_at,
        -back, currency, ''
    FROM bench_sale WHERE back_at IS NOT NULL AND fate LIKE 'refunded%'
    UNION ALL
    SELECT replace(txn, 'txn_3B', 'txn_3D'), replace(ch, 'ch_3B', 'du_1B'), 'adjustment', 'dispute',
        back_at, -total, currency, 'dispute'
    FROM bench_sale WHERE back_at IS NOT NULL AND fate IN ('lost', 'won')
    UNION ALL
    SELECT replace(txn, 'txn_3B', 'txn_3V'), replace(ch, 'ch_3B', 'du_1B'), 'adjustment',
        'dispute_reversal', back_at + interval '12 hours', total, currency, ''
    FROM bench_sale WHERE back_at IS NOT NULL AND fate = 'won'
),
settled AS (
    SELECT id, source, type, category, at, fee_for,
        CASE currency WHEN 'jpy' THEN round(amount * .66)::bigint ELSE amount END AS amount,
        CASE currency WHEN 'jpy' THEN 'usd' ELSE currency END AS currency,
        CASE currency WHEN 'jpy' THEN .66 END AS exchange_rate,
        date_trunc('day', at, 'UTC') + interval '2 days' AS available_on
    FROM moved
)
SELECT *, CASE fee_for WHEN 'charge' THEN round(amount * .029)::bigint + 30
    WHEN 'dispute' THEN 1500 ELSE 0 END AS fee,
    'po_1B' || substr(md5(currency || available_on::date), 1, 22) AS payout
FROM settled;
CREATE INDEX ON bench_moved (payout);
ANALYZE bench_moved;
"""
PAID_OUT = """
(
    SELECT payout AS id, currency, available_on AS day, sum(amount - fee)::bigint AS amount
    FROM bench_moved WHERE available_on < '{until}'
    GROUP BY payout, currency, available_on
) AS payout
"""


def run(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def steps(until: datetime) -> list[Step]:
    """All steps in order, each with its name."""
    end = f"'{until.isoformat()}'::timestamptz"
    paid_out = PAID_OUT.format(until=until.isoformat())
    found: list[Step] = [("what moved in the balance", partial(run, MOVED))]

    def rows(name: str, *made: tuple[type, str, dict[str, str]]) -> None:
        def step() -> None:
            for model, query, given in made:
                fill(model, query, **given)

        found.append((name, step))

    catalogue = f"FROM generate_series(1, {PRODUCTS}) AS n"
    rows(
        "products",
        (
            stripe.Product,
            catalogue,
            {
                **MIRRORED,
                "id": "'prod_B' || substr(md5('prod' || n), 1, 13)",
                "name": "'Product ' || n",
                "created": f"{end} - interval '500 days'",
                "as_of": f"{end} - interval '500 days'",
            },
        ),
        (
            shop.Product,
            catalogue,
            {
                "id": "n",
                "sku": "'SKU-' || lpad(n::text, 5, '0')",
                "name": "'Product ' || n",
                "stripe_product_id": "'prod_B' || substr(md5('prod' || n), 1, 13)",
                "stock": "1000000",
                "created_at": f"{end} - interval '500 days'",
            },
        ),
    )
    buyers = (
        "FROM (SELECT customer, cus, email, min(placed_at) AS since FROM bench_sale "
        "GROUP BY customer, cus, email) AS buyer"
    )
    rows(
        "customers",
        (
            stripe.Customer,
            f"{buyers} WHERE cus IS NOT NULL",
            {
                **MIRRORED,
                "id": "cus",
                "email": "email",
                "name": "'Buyer ' || customer",
                "created": "since",
                "as_of": "since",
            },
        ),
        (
            shop.Customer,
            buyers,
            {
                "id": "customer",
                "stripe_customer_id": "cus",
                "email": "email",
                "name": "'Buyer ' || customer",
                "created_at": "since",
            },
        ),
    )
    rows(
        "orders",
        (
            shop.Order,
            "FROM bench_sale ORDER BY n",
            {
                "id": "n",
                "number": "'B-' || lpad(n::text, 8, '0')",
                "status": """CASE WHEN fate IN ('abandoned', 'refunded before') THEN 'canceled'
                    WHEN fulfilled_at IS NOT NULL THEN 'fulfilled' ELSE 'paid' END""",
                "source": "CASE WHEN n % 5 < 3 THEN 'shop' ELSE 'stripe' END",
                "currency": "currency",
                "total_minor": "total",
                "subtotal_minor": "lines + discount - CASE WHEN tells_tax THEN tax ELSE 0 END",
                "discount_minor": "discount",
                "tax_minor": "CASE WHEN tells_tax THEN tax END",
                "shipping_minor": "shipping",
                "customer_id": "customer",
                "email": "email",
                "payment_intent_id": "CASE WHEN n % 5 >= 3 THEN pi END",
                "placed_at": "placed_at",
                "paid_at": "paid_at",
                "fulfilled_at": "fulfilled_at",
                "canceled_at": """CASE fate WHEN 'abandoned' THEN placed_at + interval '3 days'
                    WHEN 'refunded before' THEN back_at END""",
                "carrier": "CASE WHEN fulfilled_at IS NOT NULL THEN 'Post' ELSE '' END",
                "tracking_number": "CASE WHEN fulfilled_at IS NOT NULL THEN 'T' || n ELSE '' END",
                "captured_minor": "CASE WHEN paid_at IS NOT NULL THEN total ELSE 0 END",
                "refunded_minor": f"CASE WHEN {REFUNDED} THEN back ELSE 0 END",
                "stock_settled": "paid_at IS NOT NULL",
                "created_at": "placed_at",
            },
        ),
        (
            shop.OrderLine,
            "FROM bench_line AS line JOIN bench_sale AS sale USING (n) ORDER BY n, position",
            {
                "order_id": "n",
                "position": "position",
                "product_id": "product",
                "description": "'Product ' || product",
                "quantity": "quantity",
                "total_minor": "line.total",
                "taken": """CASE WHEN paid_at IS NOT NULL AND fate <> 'refunded before'
                    THEN quantity ELSE 0 END""",
            },
        ),
        (
            shop.OrderPayment,
            "FROM bench_sale WHERE paid_at IS NOT NULL ORDER BY n",
            {"order_id": "n", "payment": "pi", "linked_at": "paid_at"},
        ),
    )
    payment = {
        **MIRRORED,
        "created": "placed_at",
        "as_of": "coalesce(back_at, paid_at, placed_at)",
        "currency": "currency",
        "customer_id": "cus",
        "metadata": "jsonb_build_object('order', 'B-' || lpad(n::text, 8, '0'))",
    }
    rows(
        "payment intents and charges",
        (
            stripe.PaymentIntent,
            "FROM bench_sale WHERE paid_at IS NOT NULL ORDER BY n",
            {
                **payment,
                "id": "pi",
                "amount": "total",
                "amount_received": "total",
                "status": "'succeeded'",
                "capture_method": "'automatic'",
                "latest_charge_id": "ch",
                "receipt_email": "email",
                "succeeded_at": "paid_at",
            },
        ),
        (
            stripe.Charge,
            "FROM bench_sale WHERE paid_at IS NOT NULL ORDER BY n",
            {
                **payment,
                "id": "ch",
                "created": "paid_at",
                "amount": "total",
                "amount_captured": "total",
                "amount_refunded": f"CASE WHEN {REFUNDED} THEN back ELSE 0 END",
                "status": "'succeeded'",
                "paid": "true",
                "captured": "true",
                "refunded": f"{REFUNDED} AND back = total",
                "disputed": DISPUTED,
                "payment_intent_id": "pi",
                "balance_transaction_id": "txn",
                "payment_method_type": "'card'",
                "email": "email",
                "captured_at": "paid_at",
            },
        ),
        (
            stripe.Charge,
            "FROM bench_sale WHERE paid_at IS NOT NULL AND tried_before ORDER BY n",
            {
                **payment,
                "id": "replace(ch, 'ch_3B', 'ch_3F')",
                "as_of": "placed_at",
                "amount": "total",
                "status": "'failed'",
                "payment_intent_id": "pi",
                "failure_code": "'card_declined'",
                "payment_method_type": "'card'",
                "email": "email",
            },
        ),
    )
    returned = {
        **MIRRORED,
        "created": "back_at",
        "as_of": "back_at",
        "currency": "currency",
        "charge_id": "ch",
        "payment_intent_id": "pi",
    }
    rows(
        "refunds and disputes",
        (
            stripe.Refund,
            f"FROM bench_sale WHERE {REFUNDED} ORDER BY n",
            {
                **returned,
                "id": "replace(ch, 'ch_', 're_')",
                "amount": "back",
                "status": "'succeeded'",
                "reason": "'requested_by_customer'",
                "balance_transaction_id": "replace(txn, 'txn_3B', 'txn_3R')",
                "succeeded_at": "back_at",
            },
        ),
        (
            stripe.Dispute,
            f"FROM bench_sale WHERE {DISPUTED} ORDER BY n",
            {
                **returned,
                "id": "replace(ch, 'ch_3B', 'du_1B')",
                "as_of": "back_at + interval '12 hours'",
                "amount": "total",
                "status": "fate",
                "reason": "'fraudulent'",
                "balance_transactions": """ARRAY[replace(txn, 'txn_3B', 'txn_3D')]
                    || CASE fate WHEN 'won' THEN ARRAY[replace(txn, 'txn_3B', 'txn_3V')]
                    ELSE '{}' END""",
            },
        ),
    )
    transaction = {**MIRRORED, "currency": "currency"}
    rows(
        "balance transactions, payouts",
        (
            stripe.BalanceTransaction,
            "FROM bench_moved ORDER BY at",
            {
                **transaction,
                "id": "id",
                "created": "at",
                "as_of": "at",
                "amount": "amount",
                "fee": "fee",
                "net": "amount - fee",
                "type": "type",
                "reporting_category": "category",
                "status": f"CASE WHEN available_on < {end} THEN 'available' ELSE 'pending' END",
                "available_on": "available_on",
                "exchange_rate": "exchange_rate",
                "fee_details": """CASE WHEN fee = 0 THEN '[]' ELSE jsonb_build_array(
                    jsonb_build_object('type', 'stripe_fee', 'amount', fee, 'currency', currency,
                        'description', 'Stripe processing fees')) END""",
                "source": "source",
                "payout_id": f"CASE WHEN available_on < {end} THEN payout END",
            },
        ),
        (
            stripe.BalanceTransaction,
            f"FROM {paid_out}",
            {
                **transaction,
                "id": "replace(id, 'po_1B', 'txn_1B')",
                "created": "day + interval '6 hours'",
                "as_of": "day + interval '6 hours'",
                "amount": "-amount",
                "fee": "0",
                "net": "-amount",
                "type": "'payout'",
                "reporting_category": "'payout'",
                "status": "'available'",
                "available_on": "day + interval '6 hours'",
                "source": "id",
                "payout_id": "id",
            },
        ),
        (
            stripe.Payout,
            f"FROM {paid_out}",
            {
                **transaction,
                "id": "id",
                "created": "day + interval '6 hours'",
                "as_of": "day + interval '1 day'",
                "amount": "amount",
                "status": "'paid'",
                "arrival_date": "day + interval '1 day'",
                "destination": "'ba_1B' || currency",
                "method": "'standard'",
                "type": "'bank_account'",
                "balance_transaction_id": "replace(id, 'po_1B', 'txn_1B')",
                "reconciliation_status": "'completed'",
            },
        ),
    )
    moves = """
    FROM bench_sale CROSS JOIN LATERAL (VALUES
        (1, 'pending', 'paid', paid_at, 'paid for'),
        (2, 'paid', 'fulfilled', fulfilled_at, 'sent'),
        (2, 'paid', 'canceled', CASE fate WHEN 'refunded before' THEN back_at END, 'refunded'),
        (1, 'pending', 'canceled',
            CASE fate WHEN 'abandoned' THEN placed_at + interval '3 days' END, 'never paid')
    ) AS move (step, moved_from, moved_to, moved_at, why)
    WHERE moved_at IS NOT NULL ORDER BY n, step
    """
    rows(
        "transitions",
        (
            shop.OrderTransition,
            moves,
            {
                "order_id": "n",
                "from_status": "moved_from",
                "to_status": "moved_to",
                "at": "moved_at",
                "recorded_at": "moved_at",
                "reason": "why",
            },
        ),
    )
    rows(
        "audit log",
        (
            AuditEvent,
            "FROM bench_sale ORDER BY n",
            {
                "at": "placed_at + interval '3 days'",
                "action": "CASE fate WHEN 'abandoned' THEN 'order.canceled' ELSE 'order.paid' END",
                "actor_name": "'process_events'",
                "target_type": "'orders.order'",
                "target_id": "n::text",
                "reason": "CASE fate WHEN 'abandoned' THEN 'never paid' ELSE '' END",
                "before": """'{"status": "pending"}'""",
                "after": """jsonb_build_object('at', paid_at, 'captured_minor', total,
                    'currency', currency, 'refunded_minor', 0,
                    'status', CASE fate WHEN 'abandoned' THEN 'canceled' ELSE 'paid' END)""",
            },
        ),
    )
    rows(
        "events",
        (
            stripe.StripeEvent,
            "FROM (SELECT * FROM bench_sale WHERE paid_at IS NOT NULL "
            f"ORDER BY n DESC LIMIT {EVENTS}) AS sale ORDER BY n",
            {
                "stripe_id": "'evt_3B' || substr(md5('evt' || n), 1, 22)",
                "source": "'webhook'",
                "type": "'charge.succeeded'",
                "object_type": "'charge'",
                "object_id": "ch",
                "api_version": f"'{VERSION}'",
                "livemode": "false",
                "as_of": "paid_at",
                "payload": """jsonb_build_object('id', 'evt_3B' || substr(md5('evt' || n), 1, 22),
                    'object', 'event', 'type', 'charge.succeeded', 'livemode', false,
                    'created', extract(epoch FROM paid_at)::bigint, 'data', jsonb_build_object(
                        'object', jsonb_build_object('id', ch, 'object', 'charge', 'amount', total,
                            'currency', currency, 'customer', cus, 'payment_intent', pi,
                            'status', 'succeeded', 'paid', true, 'captured', true)))""",
                "received_at": "paid_at",
                "delivered_at": "paid_at",
                "status": "'processed'",
                "attempts": "1",
                "not_before": "paid_at",
                "processed_at": "paid_at",
            },
        ),
    )

    def ids() -> None:
        for model in (shop.Product, shop.Customer, shop.Order):
            restart_ids(model)

    found.append(("ids", ids))
    return found
