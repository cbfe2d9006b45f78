"""What recurs: the figures of subscriptions, from their spans and from what moved MRR."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from analyticsapp.kpis.kpi import Good, Kpi, Ledger, Unit, average
from analyticsapp.subscriptions import movements
from analyticsapp.subscriptions.movements import Kind, Rates


@dataclass(frozen=True)
class Recurring:
    """A period's recurring revenue in one currency; money in minor units.

    What stands at the opening and at the end, what moved between them by kind (losses positive),
    and what of that customers did who were there at the opening. ``months`` is how long it lasts.
    """

    opening_minor: int = 0
    mrr_minor: int = 0
    opening_customers: int = 0
    subscribers: int = 0
    active: int = 0
    trialing: int = 0
    past_due: int = 0
    unpaid: int = 0
    paused: int = 0
    from_invoices: int = 0
    assumed: int = 0
    canceled: int = 0
    new_minor: int = 0
    new_customers: int = 0
    expansion_minor: int = 0
    expansion_customers: int = 0
    contraction_minor: int = 0
    contraction_customers: int = 0
    churn_minor: int = 0
    churn_customers: int = 0
    reactivation_minor: int = 0
    reactivation_customers: int = 0
    lost_of_opening_minor: int = 0
    regained_of_opening_minor: int = 0
    lost_customers: int = 0
    months: Fraction = Fraction(1)

    @cached_property
    def rates(self) -> Rates:
        """Its rates, exactly."""
        return movements.rates(
            opening_minor=self.opening_minor,
            moved={
                Kind.NEW: self.new_minor,
                Kind.EXPANSION: self.expansion_minor,
                Kind.REACTIVATION: self.reactivation_minor,
                Kind.CONTRACTION: -self.contraction_minor,
                Kind.CHURN: -self.churn_minor,
            },
            moved_of_opening={
                Kind.CHURN: -self.lost_of_opening_minor,
                Kind.EXPANSION: self.regained_of_opening_minor,
            },
            opening_customers=self.opening_customers,
            lost_customers=self.lost_customers,
        )

    @property
    def arpa(self) -> Fraction | None:
        """MRR for each subscriber, exactly."""
        return movements.arpa(self.mrr_minor, self.subscribers)

    @property
    def lifetime_value(self) -> Fraction | None:
        """ARPA ÷ the churn rate of one month."""
        churn = self.rates.customer_churn
        monthly = None if churn is None else churn / self.months
        return movements.lifetime_value(self.arpa, monthly)


STRIPE = "as Stripe’s own billing metrics do"
BASE = "of the opening alone; others add who joined in the period to the base"
MOVES = (
    "By customer, currency and day: what subscriptions of one customer do on one day counts "
    "together, so that moving from one to another is no churn.",
    "By the day on which it took effect: a cancellation counts when the subscription ends, not "
    "when that was decided.",
)
OPENING = (
    "Its base is the opening: a customer who joins and leaves within the period is in the "
    "movements, but in no churn rate."
)
NOTHING = "Undefined, shown as –, where there was nothing at the opening."


def status(
    key: str, name: str, good: Good, definition: str, formula: str, rule: str
) -> Kpi[Recurring]:
    """A count of subscriptions by their status."""
    return Kpi(
        key=key,
        name=name,
        unit=Unit.COUNT,
        good=good,
        definition=definition,
        formula=formula,
        edge_rules=(rule, "Subscriptions, not customers: one customer can have several."),
        compute=lambda of: int(getattr(of, key.removesuffix("_subscriptions"))),
        convention="by Stripe’s status of the subscription",
        ledger=Ledger.SUBSCRIPTIONS,
    )


def movement(kind: str, good: Good, definition: str, formula: str, *rules: str) -> Kpi[Recurring]:
    """MRR that came or went in one way; what went is positive too."""
    return Kpi(
        key=f"mrr_{kind}",
        name={"churn": "Churned MRR", "new": "New MRR"}.get(kind, f"{kind.capitalize()} MRR"),
        unit=Unit.MONEY,
        good=good,
        definition=definition,
        formula=formula,
        edge_rules=(*rules, *MOVES),
        compute=lambda of: int(getattr(of, f"{kind}_minor")),
        convention=STRIPE,
        ledger=Ledger.SUBSCRIPTIONS,
    )


SUBSCRIPTIONS: tuple[Kpi[Recurring], ...] = (
    Kpi(
        key="mrr",
        name="MRR",
        unit=Unit.MONEY,
        good=Good.UP,
        definition="Monthly recurring revenue: what subscriptions bring in a month, at the end of "
        "the period’s last day.",
        formula="sum over items of unit amount × quantity, by month, less coupons that run forever",
        edge_rules=(
            "A year is 12 months, a week 12/52 and a day 12/365 of one; each item is rounded once, "
            "half to even.",
            "Active subscriptions count, and past due ones unless MRR_COUNTS_PAST_DUE is off; "
            "trials and unpaid ones don’t unless MRR_COUNTS_TRIALS or MRR_COUNTS_UNPAID is on.",
            "A subscription whose collection is paused counts unless MRR_COUNTS_PAUSED is off.",
            "Coupons that run out are not subtracted unless MRR_SUBTRACTS_LIMITED_COUPONS is on.",
            "Metered items and tiered prices are worth nothing, and tax that comes on top of a "
            "price is no part of it.",
        ),
        compute=lambda of: of.mrr_minor,
        convention=STRIPE,
        ledger=Ledger.SUBSCRIPTIONS,
    ),
    Kpi(
        key="arr",
        name="ARR",
        unit=Unit.MONEY,
        good=Good.UP,
        definition="What that would be in a year: annual recurring revenue.",
        formula="12 × MRR",
        edge_rules=("No forecast: nothing that is known to end or to begin later is in it.",),
        compute=lambda of: 12 * of.mrr_minor,
        convention="the common way",
        ledger=Ledger.SUBSCRIPTIONS,
    ),
    Kpi(
        key="subscribers",
        name="Subscribers",
        unit=Unit.COUNT,
        good=Good.UP,
        definition="How many customers bring recurring revenue, at the end of the last day.",
        formula="number of customers whose MRR is more than nothing",
        edge_rules=(
            "A customer with several subscriptions is one; one on a trial that doesn’t count, or "
            "whose coupon takes all of it, is none.",
            "Who has subscriptions in two currencies counts in each.",
        ),
        compute=lambda of: of.subscribers,
        convention=STRIPE,
        ledger=Ledger.SUBSCRIPTIONS,
    ),
    Kpi(
        key="arpa",
        name="ARPA",
        unit=Unit.MONEY,
        good=Good.UP,
        definition="What a subscriber brings in a month on average: average revenue per account.",
        formula="MRR ÷ subscribers",
        edge_rules=("Undefined, shown as –, without subscribers. Rounded once, half to even.",),
        compute=lambda of: average(of.mrr_minor, of.subscribers),
        convention=STRIPE,
        ledger=Ledger.SUBSCRIPTIONS,
    ),
    status(
        "active_subscriptions",
        "Active subscriptions",
        Good.UP,
        "How many subscriptions are active at the end of the last day.",
        "number of subscriptions whose status is active",
        "One that is set to end later is active until it does.",
    ),
    status(
        "trialing_subscriptions",
        "Subscriptions on trial",
        Good.UP,
        "How many subscriptions are on trial at the end of the last day.",
        "number of subscriptions whose status is trialing",
        "A trial that ended without a way to pay is paused, and not counted here.",
    ),
    status(
        "past_due_subscriptions",
        "Past due subscriptions",
        Good.DOWN,
        "How many subscriptions have a late payment at the end of the last day.",
        "number of subscriptions whose status is past_due",
        "They count towards MRR unless MRR_COUNTS_PAST_DUE is off; when Stripe gives up, they are "
        "unpaid or canceled.",
    ),
    status(
        "unpaid_subscriptions",
        "Unpaid subscriptions",
        Good.DOWN,
        "How many subscriptions Stripe gave up to collect for at the end of the last day.",
        "number of subscriptions whose status is unpaid",
        "They run on, but don’t count towards MRR unless MRR_COUNTS_UNPAID is on.",
    ),
    status(
        "paused_subscriptions",
        "Paused subscriptions",
        Good.DOWN,
        "How many subscriptions wait for a way to pay after their trial, at the end of the last "
        "day.",
        "number of subscriptions whose status is paused",
        "One whose collection alone is paused is active.",
    ),
    status(
        "canceled_subscriptions",
        "Canceled subscriptions",
        Good.DOWN,
        "How many subscriptions ended in the period.",
        "number of subscriptions whose status became canceled",
        "On the day on which it ended. Those whose first payment never came aren’t counted.",
    ),
    movement(
        "new",
        Good.UP,
        "MRR of customers who never had any before.",
        "sum of the first movements of customers",
        "A customer is new once in each currency.",
    ),
    movement(
        "expansion",
        Good.UP,
        "MRR that customers added who had some already.",
        "sum of the movements upwards from more than nothing",
        "A further subscription of the same customer is expansion.",
    ),
    movement(
        "contraction",
        Good.DOWN,
        "MRR that customers dropped who kept some.",
        "− sum of the movements downwards to more than nothing",
        "One of several subscriptions that ends is contraction.",
    ),
    movement(
        "churn",
        Good.DOWN,
        "MRR of customers who dropped all they had.",
        "− sum of the movements downwards to nothing",
        "A subscription whose status doesn’t count is worth nothing too, so its customer churns "
        "and may be reactivated.",
    ),
    movement(
        "reactivation",
        Good.UP,
        "MRR of customers who had none, but had some once.",
        "sum of the movements upwards from nothing, but for each customer’s first",
    ),
    Kpi(
        key="net_new_mrr",
        name="Net new MRR",
        unit=Unit.MONEY,
        good=Good.UP,
        definition="By how much MRR rose or fell.",
        formula="new + expansion + reactivation − contraction − churn",
        edge_rules=("Exactly the MRR at the end less that at the opening.",),
        compute=lambda of: of.mrr_minor - of.opening_minor,
        convention=STRIPE,
        ledger=Ledger.SUBSCRIPTIONS,
    ),
    Kpi(
        key="gross_mrr_churn",
        name="Gross MRR churn",
        unit=Unit.SHARE,
        good=Good.DOWN,
        definition="Which part of the MRR at the opening was lost in the period.",
        formula="(churn + contraction, of customers of the opening) ÷ MRR at the opening",
        edge_rules=(OPENING, NOTHING),
        compute=lambda of: of.rates.gross_mrr_churn,
        convention=BASE,
        ledger=Ledger.SUBSCRIPTIONS,
    ),
    Kpi(
        key="net_mrr_churn",
        name="Net MRR churn",
        unit=Unit.SHARE,
        good=Good.DOWN,
        definition="The same, less what those customers added or took up again.",
        formula="(churn + contraction − expansion − reactivation, of customers of the opening) ÷ "
        "MRR at the opening",
        edge_rules=("Below nothing where they added more than was lost.", OPENING, NOTHING),
        compute=lambda of: of.rates.net_mrr_churn,
        convention=BASE,
        ledger=Ledger.SUBSCRIPTIONS,
    ),
    Kpi(
        key="customer_churn",
        name="Customer churn",
        unit=Unit.SHARE,
        good=Good.DOWN,
        definition="Which part of the subscribers at the opening were none at the end.",
        formula="subscribers of the opening without MRR at the end ÷ subscribers at the opening",
        edge_rules=(OPENING, "Who leaves and is back by the end isn’t lost.", NOTHING),
        compute=lambda of: of.rates.customer_churn,
        convention=BASE,
        ledger=Ledger.SUBSCRIPTIONS,
    ),
    Kpi(
        key="quick_ratio",
        name="Quick ratio",
        unit=Unit.RATIO,
        good=Good.UP,
        definition="How much MRR came for each that went.",
        formula="(new + expansion + reactivation) ÷ (churn + contraction)",
        edge_rules=("Undefined, shown as –, where nothing went.",),
        compute=lambda of: of.rates.quick_ratio,
        convention="the common way; reactivation counts as gained",
        ledger=Ledger.SUBSCRIPTIONS,
    ),
    Kpi(
        key="ltv",
        name="LTV",
        unit=Unit.MONEY,
        good=Good.UP,
        definition="What a subscriber brings until it leaves, if they go on leaving at this rate.",
        formula="ARPA ÷ (customer churn ÷ months of the period)",
        edge_rules=(
            "Whole calendar months count as such; else a month is 365/12 days.",
            "Revenue, not margin: costs aren’t subtracted.",
            "Undefined, shown as –, where nobody left.",
        ),
        compute=lambda of: of.lifetime_value,
        convention="the common way; that the churn is turned into a month’s is ours",
        ledger=Ledger.SUBSCRIPTIONS,
    ),
)
