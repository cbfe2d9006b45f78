"""The commercial ledger: what customers paid, in the currency that they saw."""

from __future__ import annotations

from analyticsapp.kpis.kpi import Good, Kpi, Totals, Unit, average, share

COMMERCIAL: tuple[Kpi[Totals], ...] = (
    Kpi(
        key="gross_captured",
        name="Gross captured",
        unit=Unit.MONEY,
        good=Good.UP,
        definition="Money captured from customers, tax and shipping included, before refunds.",
        formula="sum of amount_captured over the charges captured on the day",
        edge_rules=(
            "An authorisation counts when it is captured, and with the captured part alone.",
            "A charge that fails after its capture stays counted on its day.",
            "Stripe's fees and disputes belong to the settlement, not here.",
        ),
        compute=lambda totals: totals.gross_minor,
    ),
    Kpi(
        key="refunds",
        name="Refunds",
        unit=Unit.MONEY,
        good=Good.DOWN,
        definition="Captured money given back to customers, whenever it was captured.",
        formula="refunds whose money moved on the day − earlier refunds that failed on it",
        edge_rules=(
            "A refund counts on the date of its balance transaction, once it has succeeded.",
            "One that fails later comes back on the day it failed; its first day isn't restated.",
            "Releasing an authorisation, or what a partial capture left, is no refund.",
        ),
        compute=lambda totals: totals.refunds_minor,
    ),
    Kpi(
        key="net_sales",
        name="Net sales",
        unit=Unit.MONEY,
        good=Good.UP,
        definition="What was captured, less what was refunded on the same days.",
        formula="gross captured − refunds",
        edge_rules=("Negative when more was refunded than captured.",),
        compute=lambda totals: totals.gross_minor - totals.refunds_minor,
    ),
    Kpi(
        key="orders",
        name="Orders",
        unit=Unit.COUNT,
        good=Good.UP,
        definition="Orders that became paid.",
        formula="number of orders by the day on which they were paid",
        edge_rules=(
            "An order that was paid and canceled later stays counted.",
            "An order over nothing, such as a free sample, counts.",
            "A payment without an order makes gross captured, but no order.",
        ),
        compute=lambda totals: totals.orders,
    ),
    Kpi(
        key="aov",
        name="Average order value",
        unit=Unit.MONEY,
        good=Good.UP,
        definition="What an order brought on average, before refunds.",
        formula="captured by the orders paid in the period ÷ number of those orders",
        edge_rules=(
            "Undefined, shown as –, without orders.",
            "Rounded once, half to even, to the currency's smallest unit.",
        ),
        compute=lambda totals: average(totals.order_value_minor, totals.orders),
    ),
    Kpi(
        key="discounts",
        name="Discounts",
        unit=Unit.MONEY,
        good=Good.NEITHER,
        definition="What was taken off the prices of the orders paid, before they were paid.",
        formula="sum of the discounts of the orders paid in the period",
        edge_rules=(
            "Gross captured is after discounts: they are shown beside it and never subtracted.",
            "An order that doesn't know its discount counts as unknown, not as 0.",
        ),
        compute=lambda totals: (
            totals.discounts_minor if totals.discounts_unknown < totals.orders else None
        ),
        unknown=lambda totals: totals.discounts_unknown,
    ),
    Kpi(
        key="tax",
        name="Tax",
        unit=Unit.MONEY,
        good=Good.NEITHER,
        definition="How much of what the orders paid were worth is tax.",
        formula="sum of the tax of the orders paid in the period",
        edge_rules=(
            "It is part of gross captured and of net sales.",
            "An order that doesn't know its tax counts as unknown, not as 0.",
            "Not restated by refunds: what tax a refund gave back isn't told by Stripe.",
        ),
        compute=lambda totals: totals.tax_minor if totals.tax_unknown < totals.orders else None,
        unknown=lambda totals: totals.tax_unknown,
    ),
    Kpi(
        key="shipping",
        name="Shipping",
        unit=Unit.MONEY,
        good=Good.NEITHER,
        definition="How much of what the orders paid were worth is shipping.",
        formula="sum of the shipping of the orders paid in the period",
        edge_rules=(
            "It is part of gross captured and of net sales.",
            "An order that doesn't know its shipping counts as unknown, not as 0.",
        ),
        compute=lambda totals: (
            totals.shipping_minor if totals.shipping_unknown < totals.orders else None
        ),
        unknown=lambda totals: totals.shipping_unknown,
    ),
    Kpi(
        key="units",
        name="Units sold",
        unit=Unit.COUNT,
        good=Good.UP,
        definition="Units on the lines of the orders that became paid.",
        formula="sum of the quantities of the lines of the orders paid in the period",
        edge_rules=(
            "Refunds and returns don't lower it.",
            "An order whose lines aren't known has none.",
        ),
        compute=lambda totals: totals.units,
    ),
    Kpi(
        key="refund_rate_orders",
        name="Refund rate by orders",
        unit=Unit.SHARE,
        good=Good.DOWN,
        definition="Of the orders paid in the period, the share that was refunded since.",
        formula="orders paid in the period of which anything was refunded ÷ orders",
        edge_rules=(
            "It rises while refunds come in, so a young period shows less than it will.",
            "A refund that failed doesn't count.",
        ),
        compute=lambda totals: share(totals.refunded_orders, totals.orders),
        convention="by the order's date",
    ),
    Kpi(
        key="refund_rate_value",
        name="Refund rate by value",
        unit=Unit.SHARE,
        good=Good.DOWN,
        definition="What was refunded in the period, for each unit captured in it.",
        formula="refunds ÷ gross captured",
        edge_rules=(
            "Refunds of older payments count too, so it can be above 100%.",
            "Undefined, shown as –, where nothing was captured.",
        ),
        compute=lambda totals: share(totals.refunds_minor, totals.gross_minor),
        convention="by the refund's date",
    ),
    Kpi(
        key="payment_success_rate",
        name="Payment success rate",
        unit=Unit.SHARE,
        good=Good.UP,
        definition="Of the charges tried in the period, the share that didn't fail.",
        formula="(charges tried − charges that failed) ÷ charges tried",
        edge_rules=(
            "Each try counts: two failures and a success of one customer are 33.3%.",
            "A bank debit that fails after it had succeeded isn't a failure here.",
            "An authorisation that was never captured is a success.",
        ),
        compute=lambda totals: share(totals.attempts - totals.failures, totals.attempts),
        convention="by charges, not by payment intents",
    ),
    Kpi(
        key="time_to_fulfil",
        name="Time to fulfil",
        unit=Unit.HOURS,
        good=Good.DOWN,
        definition="How long the orders fulfilled in the period had taken since they were paid.",
        formula="time from paid to fulfilled, summed over those orders ÷ number of them",
        edge_rules=("A mean; one very late order weighs as much as it is late.",),
        compute=lambda totals: (
            share(totals.fulfilment_seconds, totals.fulfilled) if totals.fulfilled else None
        ),
    ),
    Kpi(
        key="dispute_rate",
        name="Dispute rate",
        unit=Unit.SHARE,
        good=Good.DOWN,
        definition="Of the charges captured in the period, the share that was disputed since.",
        formula="charges captured in the period that were disputed ÷ charges captured",
        edge_rules=(
            "By the charge's date: disputes come up to 120 days later, so a younger period isn't "
            "mature.",
            "Inquiries, and disputes prevented before the bank opened them, don't count.",
        ),
        compute=lambda totals: share(totals.disputed, totals.payments),
        convention="by the charge's date, as card networks count",
    ),
)
