"""The finance pack: what moved, each movement on its own day."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import QuerySet

from analyticsapp.exports.columns import CURRENCY, day, flag, money, number, text, time
from analyticsapp.exports.export import Export, query, selection
from analyticsapp.exports.ledgers import BRIDGE, FEES, REVENUE, SETTLEMENT
from analyticsapp.exports.recurring import MRR_MOVEMENTS, SUBSCRIPTIONS
from analyticsapp.exports.registry import FINANCE
from analyticsapp.exports.scope import DAYS, Scope, within
from analyticsapp.refunds import COUNTED, RETURNED, RefundDate
from analyticsapp.tables.table import any_day_at
from orders.exports import order_columns
from orders.models import Order


def exports() -> Iterator[Export]:
    """The pack, in its order."""
    yield orders()
    yield from (REFUNDS, DISPUTES, BALANCE_TRANSACTIONS, SETTLEMENT, FEES, PAYOUTS)
    yield from (REVENUE, BRIDGE, SUBSCRIPTIONS, MRR_MOVEMENTS)


def orders() -> Export:
    """Its columns are those of the list of orders."""
    columns = tuple(order_columns())

    def paid(scope: Scope) -> QuerySet[Order]:
        paid = Order.objects.filter(paid_at__isnull=False)
        if scope.instants:
            starts, ends = scope.instants
            paid = paid.filter(paid_at__gte=starts, paid_at__lt=ends)
        return paid

    return Export(
        name="orders",
        pack=FINANCE,
        title="Orders",
        meaning="An order that was paid on the days: as many as the figure “orders” counts.",
        columns=columns,
        rows=selection(paid, columns, {"order_id": "id"}),
        order="paid_at, order_id",
    )


def whose(payment: str) -> str:
    """SQL that joins the order of a payment, if it has one, as ``ours``."""
    return f"""
    LEFT JOIN orders_orderpayment AS link ON link.payment = {payment}
    LEFT JOIN orders_order AS ours ON ours.id = link.order_id
    """


def moved(kind: str, date: RefundDate, sign: str) -> str:
    """SQL of refunds by one of their two dates."""
    return f"""
    SELECT id, payment, currency, '{kind}' AS movement, {date.moment} AS moved_at,
        {sign}amount AS amount_minor
    FROM payments_counted_refund
    WHERE {date.moment} IS NOT NULL AND (%(whole)s OR {date.within(within)})
    """


REFUNDS = Export(
    name="refunds",
    pack=FINANCE,
    title="Refunds",
    meaning="A refund of captured money on the day its money moved, and once more, negative, on "
    "the day it came back if it failed later: they add up to the figure “refunds”.",
    columns=(
        day("day", "When it moved."),
        time("moved_at", "When it moved."),
        text("movement", "refunded or returned."),
        text("refund", "Stripe’s id of the refund."),
        text("charge", "Stripe’s id of the charge that it is of."),
        text("payment", "Stripe’s id of the payment intent, or of a charge made without one."),
        text("order_number", "The order that the payment belongs to. Empty: none."),
        text("status", "What the refund is now."),
        text("reason", "Why, in Stripe’s words."),
        CURRENCY,
        *money("amount", "What was given back; negative where it came back."),
    ),
    rows=query(f"""
    SELECT {any_day_at("moved.moved_at")} AS day, moved.moved_at, moved.movement,
        refund.id AS refund, refund.charge_id AS charge, moved.payment,
        ours.number AS order_number, refund.status, refund.reason, moved.currency,
        moved.amount_minor
    FROM {DAYS} CROSS JOIN (
        {moved("refunded", COUNTED, "")}
        UNION ALL
        {moved("returned", RETURNED, "-")}
    ) AS moved
    JOIN payments_refund AS refund ON refund.id = moved.id
    {whose("moved.payment")}
    """),
    order="moved_at, refund, movement",
)

DISPUTES = Export(
    name="disputes",
    pack=FINANCE,
    title="Disputes",
    meaning="A dispute opened on the days, as it is now, with all that it has moved since.",
    columns=(
        day("day", "When it was opened."),
        time("created_at", "When it was opened."),
        text("dispute", "Stripe’s id of it."),
        text("status", "Its status, in Stripe’s words."),
        text("reason", "The bank’s reason, in Stripe’s words."),
        time("due_by", "Until when an answer is wanted. Empty: none is."),
        text("charge", "Stripe’s id of the disputed charge."),
        text("order_number", "The order that the payment belongs to. Empty: none."),
        CURRENCY,
        *money("amount", "What is disputed."),
        text("settlement_currency", "In which the money moved. Empty: none moved yet."),
        *money(
            "moved",
            "What the balance gained by it; negative while the bank has it.",
            currency="settlement_currency",
        ),
        *money("fee", "What Stripe charged for it.", currency="settlement_currency"),
    ),
    rows=query(f"""
    SELECT {any_day_at("dispute.created")} AS day, dispute.created AS created_at,
        dispute.id AS dispute, dispute.status, dispute.reason, dispute.due_by,
        dispute.charge_id AS charge, ours.number AS order_number,
        dispute.currency, dispute.amount AS amount_minor,
        settled.currency AS settlement_currency, settled.amount AS moved_minor,
        settled.fee AS fee_minor
    FROM {DAYS} CROSS JOIN payments_dispute AS dispute
    LEFT JOIN payments_charge AS charge ON charge.id = dispute.charge_id
    {whose("charge.payment")}
    LEFT JOIN LATERAL (
        SELECT min(currency) AS currency, sum(amount) AS amount, sum(fee) AS fee
        FROM payments_balancetransaction
        WHERE source = dispute.id OR id = ANY (dispute.balance_transactions)
        HAVING count(DISTINCT currency) = 1
    ) AS settled ON true
    WHERE {within("dispute.created")}
    """),
    order="created_at, dispute",
)

BALANCE_TRANSACTIONS = Export(
    name="balance_transactions",
    pack=FINANCE,
    title="Balance transactions",
    meaning="A movement of the Stripe balance on the days, with the fee taken off it and the "
    "payout that holds it.",
    columns=(
        day("day", "When Stripe made it."),
        time("created_at", "When Stripe made it."),
        time("available_on", "From when it can be paid out."),
        text("balance_transaction", "Stripe’s id of it."),
        text("reporting_category", "What kind of movement, as Stripe’s reports have it."),
        text("type", "Stripe’s type."),
        text("balance_type", "Which of the account’s balances."),
        text("source", "Stripe’s id of what moved: a charge, refund, dispute, payout."),
        text("payout", "Stripe’s id of the payout that holds it. Empty: none yet, or not known."),
        CURRENCY,
        *money("amount", "What it added to the balance before its fee."),
        *money("fee", "The fee taken off; negative where some was given back."),
        *money("net", "Amount less fee."),
    ),
    rows=query(f"""
    SELECT {any_day_at("created")} AS day, created AS created_at, available_on,
        id AS balance_transaction, reporting_category, type, balance_type, source,
        payout_id AS payout, currency, amount AS amount_minor, fee AS fee_minor, net AS net_minor
    FROM {DAYS} CROSS JOIN payments_balancetransaction
    WHERE {within("created")}
    """),
    order="created_at, balance_transaction",
)

PAYOUTS = Export(
    name="payouts",
    pack=FINANCE,
    title="Payouts",
    meaning="A payout made on the days, as it is now, with what Stripe lists for it.",
    columns=(
        day("day", "When it was made."),
        time("created_at", "When it was made."),
        time("arrives_at", "When it arrives at the bank, as Stripe expects."),
        text("payout", "Stripe’s id of it."),
        text("status", "Its status, in Stripe’s words."),
        flag("automatic", "Stripe made it by itself. Only then its transactions are known."),
        text("method", "standard or instant."),
        text("failure_code", "Why it failed. Empty: it didn’t."),
        CURRENCY,
        *money("amount", "What was paid out; negative where it was taken from the bank."),
        number("transactions", "How many movements it holds. Empty: not known.", "transactions"),
        *money("transactions_net", "What those add up to. Empty: not known."),
    ),
    rows=query(f"""
    SELECT {any_day_at("payout.created")} AS day, payout.created AS created_at,
        payout.arrival_date AS arrives_at, payout.id AS payout, payout.status,
        payout.automatic, payout.method, payout.failure_code, payout.currency,
        payout.amount AS amount_minor,
        nullif(held.transactions, 0) AS transactions, held.net AS transactions_net_minor
    FROM {DAYS} CROSS JOIN payments_payout AS payout
    LEFT JOIN LATERAL (
        SELECT count(*) AS transactions, sum(net) AS net
        FROM payments_balancetransaction AS one
        -- The list has the payout's own transaction too.
        WHERE one.payout_id = payout.id AND one.source <> payout.id
            AND one.currency = payout.currency
    ) AS held ON true
    WHERE {within("payout.created")}
    """),
    order="created_at, payout",
)
