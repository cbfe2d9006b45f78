"""The finance pack: what recurs."""

from __future__ import annotations

from analyticsapp.exports.columns import CURRENCY, day, flag, money, text, time
from analyticsapp.exports.export import Export, query
from analyticsapp.exports.registry import FINANCE
from analyticsapp.exports.scope import on_days
from analyticsapp.subscriptions.spans import ENDED

SUBSCRIPTIONS = Export(
    name="subscriptions",
    pack=FINANCE,
    title="Subscriptions",
    meaning="A subscription as it stood when the last of the days ended; those that had ended "
    "before the first one are left out.",
    columns=(
        text("subscription", "Stripe’s id of it."),
        text("customer", "Stripe’s id of the customer."),
        text("status", "Its status then, in Stripe’s words."),
        time("since", "Since when it had been so."),
        text("origin", "events, invoices or assumed: what tells that."),
        CURRENCY,
        *money("mrr", "What recurred each month then; 0 while its status doesn’t count."),
        time("started_at", "When it started."),
        time("trial_ends_at", "When its trial ends or ended, as it is now. Empty: it has none."),
        flag("cancels_at_period_end", "it ends with its period, as it is now."),
        time("canceled_at", "When somebody canceled it, as it is now. Empty: nobody has."),
        time("ended_at", "When it ended, as it is now. Empty: it hasn’t."),
    ),
    rows=query(f"""
    SELECT span.subscription_id AS subscription, span.customer_id AS customer, span.status,
        span.starts_at AS since, span.origin, span.currency, span.mrr_minor,
        stripe.start_date AS started_at, stripe.trial_end AS trial_ends_at,
        stripe.cancel_at_period_end AS cancels_at_period_end, stripe.canceled_at, stripe.ended_at
    FROM analyticsapp_subscriptionspan AS span
    LEFT JOIN payments_subscription AS stripe ON stripe.id = span.subscription_id
    WHERE span.starts_at < %(ends)s::timestamptz
        AND (span.ends_at IS NULL OR span.ends_at >= %(ends)s::timestamptz)
        AND NOT (
            span.status IN ({", ".join(f"'{status}'" for status in sorted(ENDED))})
            AND span.starts_at < %(starts)s::timestamptz
        )
    """),
    order="subscription",
)

MRR_MOVEMENTS = Export(
    name="mrr_movements",
    pack=FINANCE,
    title="MRR movements",
    meaning="By how much a customer’s recurring revenue rose or fell on a day, and why.",
    columns=(
        day("day", "The day."),
        CURRENCY,
        text("customer", "Stripe’s id of the customer."),
        text("movement", "new, expansion, contraction, churn or reactivation."),
        *money("amount", "By how much; contraction and churn are negative."),
        *money("mrr", "What the customer’s MRR was when the day ended."),
    ),
    rows=query(f"""
    SELECT day, currency, customer_id AS customer, kind AS movement, amount_minor, mrr_minor
    FROM analyticsapp_mrrmovement
    WHERE {on_days("day")}
    """),
    order="day, currency, customer",
)
