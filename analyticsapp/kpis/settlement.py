"""The settlement ledger: what Stripe's balance did, in the currencies that Stripe pays in."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from analyticsapp.kpis.kpi import Good, Kpi, Ledger, Unit, Value, share
from payments import categories
from payments.models import Dispute

# How long after a charge its customer may still dispute it; a younger month's rate will rise
# (https://docs.stripe.com/disputes/how-disputes-work).
DISPUTED_WITHIN = 120

SALES = (categories.CHARGE, categories.PARTIAL_CAPTURE_REVERSAL)
REFUNDS = (categories.REFUND, categories.REFUND_FAILURE)
DISPUTE, DISPUTE_REVERSAL = "dispute", "dispute_reversal"
ADJUSTMENT = "other_adjustment"
NAMED = {
    *SALES,
    *REFUNDS,
    *categories.PAYOUTS,
    DISPUTE,
    DISPUTE_REVERSAL,
    ADJUSTMENT,
    categories.CHARGE_FAILURE,
    categories.FEE,
}


@dataclass(frozen=True)
class Moved:
    """The balance transactions of a reporting category: how many, and their sums."""

    transactions: int = 0
    amount_minor: int = 0
    fee_minor: int = 0

    @property
    def net_minor(self) -> int:
        """What they moved, less fees."""
        return self.amount_minor - self.fee_minor


@dataclass(frozen=True)
class Settled:
    """What the settlement of some days adds up to, all in one currency; money in minor units.

    ``disputes`` are those opened on these days by what they are now, ``fees`` by Stripe's types.
    """

    moved: Mapping[str, Moved] = field(default_factory=dict)
    fees: Mapping[str, int] = field(default_factory=dict)
    disputes: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def amount(self, names: Collection[str]) -> int:
        """The amounts of these categories."""
        return sum(one.amount_minor for name, one in self.moved.items() if name in names)

    @property
    def fees_minor(self) -> int:
        """What was taken off transactions, and transactions that are fees."""
        taken = sum(one.fee_minor for one in self.moved.values())
        return taken - self.amount([categories.FEE])

    @property
    def others(self) -> Mapping[str, Moved]:
        """The categories that no KPI is named after, known or not."""
        return {name: one for name, one in self.moved.items() if name not in NAMED}

    @property
    def net_minor(self) -> int:
        """Everything but payouts, less all fees."""
        amounts = sum(
            one.amount_minor for name, one in self.moved.items() if name not in categories.PAYOUTS
        )
        return amounts - sum(one.fee_minor for one in self.moved.values())

    @property
    def payouts_minor(self) -> int:
        return -self.amount(categories.PAYOUTS)

    def opened(self, *, money: bool, inquiries: bool = False) -> int:
        """How many disputes were opened, or over how much; inquiries are those that moved none."""
        return sum(
            amount if money else disputes
            for status, (disputes, amount) in self.disputes.items()
            if (status in Dispute.MOVES_NO_MONEY) is inquiries
        )


settlement: Any = partial(Kpi[Settled], ledger=Ledger.SETTLEMENT)


def _fee_rate(settled: Settled) -> Value | None:
    return share(settled.fees_minor, settled.amount(SALES))


SETTLEMENT: tuple[Kpi[Settled], ...] = (
    settlement(
        key="settled_charges",
        name="Charges settled",
        unit=Unit.MONEY,
        good=Good.UP,
        definition="What charges brought into Stripe’s balance, before fees.",
        formula="amounts of the balance transactions of category charge + those of "
        "partial_capture_reversal",
        edge_rules=(
            "On the transaction’s date and in the currency of the settlement, whatever the "
            "customer paid in.",
            "What was authorised and not captured is taken off where Stripe booked it.",
        ),
        compute=lambda settled: settled.amount(SALES),
    ),
    settlement(
        key="settled_refunds",
        name="Refunds settled",
        unit=Unit.MONEY,
        good=Good.DOWN,
        definition="What refunds took from Stripe’s balance, less those that failed.",
        formula="−(amounts of category refund + those of refund_failure)",
        edge_rules=(
            "A refund that failed comes back on the date it failed.",
            "Stripe keeps the fee of the charge: fees aren’t lowered.",
        ),
        compute=lambda settled: -settled.amount(REFUNDS),
    ),
    settlement(
        key="disputes_withdrawn",
        name="Disputes withdrawn",
        unit=Unit.MONEY,
        good=Good.DOWN,
        definition="What banks took from Stripe’s balance for disputes.",
        formula="−amounts of category dispute",
        edge_rules=(
            "On the day it was withdrawn, which is neither the charge’s nor the decision’s.",
            "The dispute’s own fee is among the fees.",
        ),
        compute=lambda settled: -settled.amount([DISPUTE]),
    ),
    settlement(
        key="disputes_returned",
        name="Disputes returned",
        unit=Unit.MONEY,
        good=Good.UP,
        definition="What banks gave back of what they had taken for disputes.",
        formula="amounts of category dispute_reversal",
        edge_rules=("On the day it came back: the day of the withdrawal isn’t restated.",),
        compute=lambda settled: settled.amount([DISPUTE_REVERSAL]),
    ),
    settlement(
        key="failed_payments",
        name="Payments that failed later",
        unit=Unit.MONEY,
        good=Good.DOWN,
        definition="Captured money that Stripe took back because the payment failed after all.",
        formula="−amounts of category charge_failure",
        edge_rules=("Bank debits fail days later; the charge stays counted on its day.",),
        compute=lambda settled: -settled.amount([categories.CHARGE_FAILURE]),
    ),
    settlement(
        key="fees",
        name="Fees",
        unit=Unit.MONEY,
        good=Good.DOWN,
        definition="What Stripe and others took for their services, by type on the page.",
        formula="fees taken off transactions − amounts of category fee",
        edge_rules=(
            "By the types of a transaction’s fee_details; what these leave out is of no stated "
            "type.",
            "A transaction of category fee is a fee of its own type.",
            "Fees that were given back lower it.",
        ),
        compute=lambda settled: settled.fees_minor,
    ),
    settlement(
        key="fee_rate",
        name="Fee rate",
        unit=Unit.SHARE,
        good=Good.DOWN,
        definition="Fees for each unit that charges brought.",
        formula="fees ÷ charges settled",
        edge_rules=(
            "All fees count: those of disputes and of the account too.",
            "Undefined, shown as –, where charges brought nothing.",
        ),
        compute=_fee_rate,
    ),
    settlement(
        key="adjustments",
        name="Adjustments",
        unit=Unit.MONEY,
        good=Good.NEITHER,
        definition="What Stripe adjusted, and has no category of its own.",
        formula="amounts of category other_adjustment",
        edge_rules=("Negative where Stripe took more than it gave.",),
        compute=lambda settled: settled.amount([ADJUSTMENT]),
    ),
    settlement(
        key="other_movements",
        name="Other movements",
        unit=Unit.MONEY,
        good=Good.NEITHER,
        definition="Everything else that moved the balance: reserves, top-ups, transfers, taxes.",
        formula="amounts of the categories that no other figure names",
        edge_rules=(
            "The page shows each of them by its own name.",
            "So it does a category that Stripe hadn’t when this was made, and marks it.",
        ),
        compute=lambda settled: sum(one.amount_minor for one in settled.others.values()),
    ),
    settlement(
        key="settled_net",
        name="Settled net",
        unit=Unit.MONEY,
        good=Good.UP,
        definition="By how much the balance grew before payouts.",
        formula="charges − refunds − disputes withdrawn + disputes returned − payments that failed "
        "later − fees + adjustments + other movements",
        edge_rules=(
            "Negative when refunds, disputes and fees came to more than charges.",
            "Money counts once Stripe booked it, though it may not be available for payout yet.",
        ),
        compute=lambda settled: settled.net_minor,
    ),
    settlement(
        key="payouts",
        name="Payouts",
        unit=Unit.MONEY,
        good=Good.NEITHER,
        definition="What was sent to the bank, less payouts that came back.",
        formula="−(amounts of category payout + those of payout_reversal)",
        edge_rules=(
            "On the day Stripe took it from the balance; the bank has it some days later.",
            "The fee of an instant payout is among the fees.",
        ),
        compute=lambda settled: settled.payouts_minor,
    ),
    settlement(
        key="balance_change",
        name="Change of the balance",
        unit=Unit.MONEY,
        good=Good.NEITHER,
        definition="By how much Stripe’s balance, pending and available together, changed.",
        formula="settled net − payouts",
        edge_rules=("It is the sum of net over all balance transactions of these days.",),
        compute=lambda settled: settled.net_minor - settled.payouts_minor,
    ),
    settlement(
        key="disputes_opened",
        name="Disputes opened",
        unit=Unit.COUNT,
        good=Good.DOWN,
        definition="Disputes that were opened on these days, whatever became of them.",
        formula="number of disputes by the day on which they were created",
        edge_rules=(
            "Inquiries, and disputes prevented before the bank opened them, stand apart.",
            "In the currency of the dispute.",
        ),
        compute=lambda settled: settled.opened(money=False),
        convention="by the dispute’s date: activity, where the rate goes by the charge’s",
    ),
    settlement(
        key="disputes_opened_value",
        name="Value of disputes opened",
        unit=Unit.MONEY,
        good=Good.DOWN,
        definition="How much the disputes that were opened on these days are over.",
        formula="sum of the amounts of those disputes",
        edge_rules=(
            "What is disputed, which isn’t what was withdrawn: that is in the settlement’s "
            "currency and on its own day.",
        ),
        compute=lambda settled: settled.opened(money=True),
        convention="by the dispute’s date",
    ),
    settlement(
        key="inquiries",
        name="Inquiries",
        unit=Unit.COUNT,
        good=Good.DOWN,
        definition="Inquiries opened on these days, and disputes prevented: no money moved yet.",
        formula="number of disputes whose status is a warning’s, or prevented",
        edge_rules=("One that becomes a dispute counts as such from then on, on its old day.",),
        compute=lambda settled: settled.opened(money=False, inquiries=True),
        convention="by the dispute’s date",
    ),
)
