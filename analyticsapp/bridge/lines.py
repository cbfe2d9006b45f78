"""The lines of the bridge: what each is called and means, and in which order they stand."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from payments import categories

CAPTURED = "captured"
REFUNDED = "refunded"
SALES_OUT = "sales_out"
SALES_IN = "sales_in"
REFUNDS_OUT = "refunds_out"
REFUNDS_IN = "refunds_in"
SALES_UNSETTLED = "sales_unsettled"
REFUNDS_UNSETTLED = "refunds_unsettled"
EXCHANGED_OUT = "exchanged_out"
EXCHANGED_IN = "exchanged_in"
AMOUNTS_DIFFER = "amounts_differ"
UNMATCHED = "unmatched"
# Before a reporting category, and before a type of fee.
CATEGORY = "category:"
FEE = "fee:"


class Part(IntEnum):
    """The parts of the bridge, in their order: each but the second and last ends in a figure."""

    SALES = 1
    SETTLING = 2
    CHARGED = 3
    PAYOUTS = 4


@dataclass(frozen=True)
class Line:
    """A reason why one figure isn't the next. ``look``: somebody should find out why there is any;
    ``sales``: it is in the customers' currency, not in the settlement's."""

    key: str
    name: str
    meaning: str
    part: Part
    look: bool = False
    sales: bool = False


SALES_LINES = (
    Line(
        CAPTURED,
        "Gross captured",
        "Money captured from customers on these days, by the currency that they paid in.",
        Part.SALES,
        sales=True,
    ),
    Line(
        REFUNDED,
        "Refunds",
        "Captured money given back on these days, less refunds that came back on them.",
        Part.SALES,
        sales=True,
    ),
)
SETTLING_LINES = (
    Line(
        SALES_OUT,
        "Captured, in the balance on another day",
        "Captured in the period; its balance transaction is of a day outside of it, mostly later.",
        Part.SETTLING,
        sales=True,
    ),
    Line(
        SALES_IN,
        "In the balance, captured on another day",
        "In the balance in the period; captured on a day outside of it, mostly earlier.",
        Part.SETTLING,
        sales=True,
    ),
    Line(
        REFUNDS_OUT,
        "Refunded, in the balance on another day",
        "Refunded in the period; its balance transaction is of a day outside of it.",
        Part.SETTLING,
        sales=True,
    ),
    Line(
        REFUNDS_IN,
        "In the balance, refunded on another day",
        "Taken from the balance in the period; refunded on a day outside of it.",
        Part.SETTLING,
        sales=True,
    ),
    Line(
        SALES_UNSETTLED,
        "Captured, without a balance transaction",
        "Charges whose balance transaction hasn’t arrived, or is no charge’s.",
        Part.SETTLING,
        look=True,
        sales=True,
    ),
    Line(
        REFUNDS_UNSETTLED,
        "Refunded, without a balance transaction",
        "Refunds, and refunds that came back, whose balance transaction hasn’t arrived.",
        Part.SETTLING,
        look=True,
        sales=True,
    ),
    *(
        Line(
            key,
            "Exchanged",
            "Stripe settled it in another currency than the customer’s: it leaves the one with the "
            "amount of the sale and comes into the other with the amount settled.",
            Part.SETTLING,
            sales=key == EXCHANGED_OUT,
        )
        for key in (EXCHANGED_OUT, EXCHANGED_IN)
    ),
    Line(
        AMOUNTS_DIFFER,
        "Settled with another amount",
        "A balance transaction of another amount than its charge or refund, in one currency.",
        Part.SETTLING,
        look=True,
    ),
    Line(
        UNMATCHED,
        "Transactions without their charge or refund",
        "Stripe moved money for a charge or refund that isn’t here or doesn’t count.",
        Part.SETTLING,
        look=True,
    ),
)
NAMED_CATEGORIES = {
    "dispute": ("Disputes", "What banks withdrew for disputes, on the day they did."),
    "dispute_reversal": ("Disputes returned", "What banks gave back, on the day they did."),
    categories.CHARGE_FAILURE: (
        "Payments that failed later",
        "Captured money that Stripe took back because the payment failed after all. The charge "
        "stays counted on its day.",
    ),
    "other_adjustment": ("Adjustments", "What Stripe adjusted, and has no category of its own."),
    "payout": ("Payouts", "Money sent to the bank."),
    "payout_reversal": ("Payouts returned", "Payouts that failed or were canceled."),
}
NAMED_FEES = {
    "stripe_fee": "Stripe’s fees",
    "application_fee": "Application fees",
    "payment_method_passthrough_fee": "Payment method fees passed on",
    "tax": "Tax on fees",
    "withheld_tax": "Withheld tax",
    "unspecified": "Fees of no stated type",
}
FIXED = {line.key: line for line in (*SALES_LINES, *SETTLING_LINES)}
ORDER = {
    key: place for place, key in enumerate([*FIXED, *(CATEGORY + c for c in NAMED_CATEGORIES)])
}


def line_of(key: str) -> Line:
    """The line of a key. A category or a type of fee that nobody knows yet has one too."""
    if key in FIXED:
        return FIXED[key]
    if key.startswith(FEE):
        kind = key.removeprefix(FEE)
        name = NAMED_FEES.get(kind) or f"Fees: {words(kind)}"
        return Line(key, name, f"Fees of Stripe’s type {kind or '(none)'}.", Part.CHARGED)
    category = key.removeprefix(CATEGORY)
    part = Part.PAYOUTS if category in categories.PAYOUTS else Part.CHARGED
    if category in NAMED_CATEGORIES:
        return Line(key, *NAMED_CATEGORIES[category], part)
    known = category in categories.KNOWN
    meaning = f"Transactions of Stripe’s reporting category {category or '(none)'}" + (
        "." if known else ", which Stripe hadn’t when this was made."
    )
    return Line(key, words(category), meaning, part, look=not known)


def words(name: str) -> str:
    """Stripe’s name as words: ``issuing_transaction`` is *Issuing transaction*."""
    return name.replace("_", " ").capitalize() or "Without a name"


def place(line: Line) -> tuple[int, int, str]:
    """What the lines are ordered by: fees come first of what Stripe charged, then what has a name,
    then the rest by name."""
    if line.key.startswith(FEE):
        return line.part, -1, line.key
    return line.part, ORDER.get(line.key, len(ORDER)), line.key
