"""What is compared with what, and the names of all that may lie between.

A residual is the part of a difference that has one reason. The page, the command, the CSV and
docs/reconciliation.md take names and meanings from here.
"""

from __future__ import annotations

from dataclasses import dataclass

from payments import categories


@dataclass(frozen=True)
class Figure:
    """One of the amounts that are compared."""

    key: str
    name: str
    meaning: str


BALANCE = Figure(
    "balance",
    "Stripe balance",
    "Net of Stripe’s balance transactions made on the day: by how much the balance changed.",
)
PAYMENTS = Figure(
    "payments",
    "Charges less refunds",
    "Captured on the day, less refunds of captured money that moved on it, plus refunds that "
    "came back on it.",
)
ORDERS = Figure("orders", "Orders", "What the orders paid on the day captured, before refunds.")
SETTLEMENT_SNAPSHOT = Figure(
    "settlement_snapshot", "Settlement snapshot", "The snapshots’ net of the balance transactions."
)
SALES_SNAPSHOT = Figure("sales_snapshot", "Sales snapshot", "The snapshots’ net sales.")
ORDERS_SNAPSHOT = Figure("orders_snapshot", "Orders snapshot", "The snapshots’ order value.")
FIGURES = (BALANCE, PAYMENTS, ORDERS, SETTLEMENT_SNAPSHOT, SALES_SNAPSHOT, ORDERS_SNAPSHOT)


@dataclass(frozen=True)
class Step:
    """Two figures that are compared: their difference is the first less the second."""

    key: str
    left: Figure
    right: Figure

    @property
    def name(self) -> str:
        """The two figures in words."""
        return f"{self.left.name} against {self.right.name}"


BALANCE_TO_PAYMENTS = Step("settlement", BALANCE, PAYMENTS)
PAYMENTS_TO_ORDERS = Step("orders", PAYMENTS, ORDERS)
BRIDGE = (BALANCE_TO_PAYMENTS, PAYMENTS_TO_ORDERS)
BALANCE_TO_SNAPSHOT = Step("settlement_snapshot", BALANCE, SETTLEMENT_SNAPSHOT)
PAYMENTS_TO_SNAPSHOT = Step("sales_snapshot", PAYMENTS, SALES_SNAPSHOT)
ORDERS_TO_SNAPSHOT = Step("orders_snapshot", ORDERS, ORDERS_SNAPSHOT)
SNAPSHOTS = (BALANCE_TO_SNAPSHOT, PAYMENTS_TO_SNAPSHOT, ORDERS_TO_SNAPSHOT)
STEPS = {step.key: step for step in (*BRIDGE, *SNAPSHOTS)}


@dataclass(frozen=True)
class Residual:
    """A reason why two figures differ. ``look``: somebody should find out why there is any."""

    step: Step
    key: str
    name: str
    meaning: str
    look: bool = False


def _of(step: Step, *residuals: tuple[str, str, str, bool]) -> list[Residual]:
    return [Residual(step, *one) for one in residuals]


UNKNOWN_CATEGORY = "unknown_category"
WITHOUT_PAYMENT = "without_payment"

ALL = (
    *_of(
        BALANCE_TO_PAYMENTS,
        (
            "fees",
            "Fees",
            "What Stripe took off transactions, and transactions that are fees.",
            False,
        ),
        (
            "payouts",
            "Payouts",
            "Money sent to the bank, and payouts that came back.",
            False,
        ),
        ("disputes", "Disputes", "What banks withdrew for disputes, and gave back.", False),
        (
            "failed_payments",
            "Payments that failed later",
            "Captured money that Stripe took back because the payment failed after all. The charge "
            "stays counted on its day.",
            False,
        ),
        (
            "other_movements",
            "Other movements",
            "Adjustments, reserves, top-ups, transfers, taxes: categories that are no sale.",
            False,
        ),
        (
            "other_currency",
            "Settled in another currency",
            "Stripe paid in another currency than the customer did: the transaction stands in the "
            "one, its charge or refund, with the opposite sign, in the other.",
            False,
        ),
        (
            "other_day",
            "Settled on another day",
            "The transaction and its charge or refund are of different days.",
            False,
        ),
        (
            "no_transaction",
            "No balance transaction yet",
            "Charges and refunds whose transaction hasn’t arrived, or is of no category that a "
            "charge or refund could have.",
            True,
        ),
        (
            WITHOUT_PAYMENT,
            "Transactions without their charge or refund",
            "Stripe moved money for a charge or refund that isn’t here or doesn’t count.",
            True,
        ),
        (
            "amounts_differ",
            "Settled with another amount",
            "A transaction is of another amount than its charge or refund, in the same currency "
            "and on the same day.",
            True,
        ),
        (
            UNKNOWN_CATEGORY,
            "Unknown reporting categories",
            "Transactions of a reporting category that Stripe hadn’t when this was made.",
            True,
        ),
    ),
    *_of(
        PAYMENTS_TO_ORDERS,
        (
            "refunds",
            "Refunds",
            "An order’s value is what it captured; refunds don’t lower it.",
            False,
        ),
        (
            "invoice_payments",
            "Payments of invoices",
            "Subscriptions and invoices are paid without an order.",
            False,
        ),
        (
            "other_day",
            "Paid on another day",
            "The charge and its order are of different days: a second payment, or one that was "
            "captured later.",
            False,
        ),
        (
            "without_order",
            "Payments without an order",
            "Captured money that belongs to no order and no invoice.",
            True,
        ),
        (
            "unpaid_orders",
            "Payments of orders that aren’t paid",
            "Captured money of an order that is still pending, or was canceled unpaid.",
            True,
        ),
        (
            "other_currency",
            "Paid in another currency",
            "Such a payment doesn’t pay its order.",
            True,
        ),
        (
            "orders_without_payment",
            "Orders without a payment",
            "Orders that say that they captured money, and no charge of theirs is here.",
            True,
        ),
        (
            "amounts_differ",
            "Orders that say another amount",
            "An order says that it captured another amount than its charges did.",
            True,
        ),
    ),
    *(
        residual
        for step in SNAPSHOTS
        for residual in _of(
            step,
            (
                "recount_due",
                "Day to be counted anew",
                "Rows changed since the snapshot was made; the next refresh counts the day.",
                False,
            ),
            (
                "snapshot_differs",
                "Snapshot differs",
                "The snapshot isn’t what its rows add up to, and nothing will count it anew: "
                "rebuild the day.",
                True,
            ),
        )
    ),
)
RESIDUALS = {(residual.step, residual.key): residual for residual in ALL}

# The residual of a transaction's amount by its category, where no charge or refund owns it. A
# category that isn't here is unknown.
BY_CATEGORY = {
    **dict.fromkeys(categories.PAYMENTS, WITHOUT_PAYMENT),
    **dict.fromkeys(categories.DISPUTES, "disputes"),
    **dict.fromkeys(categories.PAYOUTS, "payouts"),
    **dict.fromkeys(categories.OTHERS, "other_movements"),
    categories.CHARGE_FAILURE: "failed_payments",
    categories.FEE: "fees",
}
