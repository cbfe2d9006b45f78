"""Fourteen months of a shop, made at random: charges, refunds, disputes and orders of all kinds.

It has a leap day and, in the zones that have them, days of 23 and 25 hours.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

from orders.models import Customer, Order, OrderLine, OrderTransition, Product
from orders.states import OrderStatus
from payments.models import BalanceTransaction, Charge, Dispute, Refund

BEGIN = datetime(2027, 2, 10, tzinfo=UTC)
END = datetime(2028, 4, 12, 15, tzinfo=UTC)
CURRENCIES = ("eur", "eur", "usd", "jpy")
# When clocks change somewhere, and the leap day: busy days here.
SPECIAL = [
    datetime(2027, 3, 14, tzinfo=UTC),
    datetime(2027, 3, 28, tzinfo=UTC),
    datetime(2027, 4, 4, tzinfo=UTC),
    datetime(2027, 9, 26, tzinfo=UTC),
    datetime(2027, 10, 31, tzinfo=UTC),
    datetime(2027, 11, 7, tzinfo=UTC),
    datetime(2028, 2, 29, tzinfo=UTC),
    datetime(2028, 3, 12, tzinfo=UTC),
    datetime(2028, 3, 26, tzinfo=UTC),
]


class History:
    """Makes the rows, in few statements, without telling anybody."""

    def __init__(self, seed: int, purchases: int) -> None:
        self.chance = Random(seed)
        self.charges: list[Charge] = []
        self.refunds: list[Refund] = []
        self.disputes: list[Dispute] = []
        self.transactions: list[BalanceTransaction] = []
        self.orders: list[Order] = []
        self.fates: list[tuple[datetime, datetime | None, int, int]] = []
        self.lines: list[OrderLine] = []
        self.customers = self._customers()
        self.products = Product.objects.bulk_create(
            Product(sku=f"P{n}", name=f"Product {n}", created_at=BEGIN) for n in range(5)
        )
        for n in range(purchases):
            self._purchase(n)
        self._save()

    def moment(self) -> datetime:
        """Any time of the history, to the microsecond, often near midnight of a special day."""
        if self.chance.random() < 0.3:
            return self.chance.choice(SPECIAL) + timedelta(hours=self.chance.uniform(-14, 38))
        return BEGIN + self.chance.random() * (END - BEGIN)

    def _customers(self) -> list[Customer]:
        known = Customer.objects.bulk_create(
            Customer(stripe_customer_id=f"cus_{n}", email=f"{n}@b.example", created_at=BEGIN)
            for n in range(60)
        )
        guests = Customer.objects.bulk_create(
            Customer(email=f"{n}@b.example", same_as=known[n] if n < 60 else None, created_at=BEGIN)
            for n in range(40, 80)
        )
        return [*known, *guests]

    def _purchase(self, n: int) -> None:
        chance, at = self.chance, self.moment()
        currency, amount = chance.choice(CURRENCIES), chance.randrange(1, 30_000)
        for m in range(chance.choice((0, 0, 0, 1, 2))):
            tried = at - timedelta(minutes=m + 1)
            self._charge(f"ch_{n}_f{m}", amount, currency, tried, status="failed")
        fate = chance.random()
        if fate < 0.05:  # authorised and never captured
            self._charge(f"ch_{n}", amount, currency, at, status="succeeded")
            return
        captured = amount if fate < 0.9 else chance.randrange(1, amount + 1)
        later = at + timedelta(days=chance.choice((0, 0, 0, 1, 6)))
        charge = self._charge(
            f"ch_{n}",
            amount,
            currency,
            at,
            amount_captured=captured,
            captured_at=later,
            # A bank debit can fail after it had succeeded.
            status="failed" if chance.random() < 0.03 else "succeeded",
        )
        if captured < amount:  # what the capture released is no refund of money
            self._refund(
                f"re_{n}_r",
                charge,
                amount - captured,
                later,
                moves=chance.random() < 0.5,
                category="partial_capture_reversal",
            )
        refunded = 0
        if chance.random() < 0.25:
            part = chance.choice((captured, max(captured // 3, 1)))
            when = later + timedelta(days=chance.uniform(0, 40))
            if self._refund(f"re_{n}", charge, part, when, moves=chance.random() < 0.7):
                refunded = part
        if chance.random() < 0.05:
            self.disputes.append(
                Dispute(
                    id=f"dp_{n}",
                    livemode=False,
                    as_of=END,
                    created=later,
                    amount=captured,
                    currency=currency,
                    charge_id=charge.id,
                    status=chance.choice(("lost", "won", "needs_response", "warning_closed")),
                )
            )
        if chance.random() < 0.92:
            self._order(n, currency, captured, refunded, later)

    def _charge(
        self, id: str, amount: int, currency: str, created: datetime, **values: object
    ) -> Charge:
        charge = Charge(
            id=id,
            livemode=False,
            as_of=END,
            amount=amount,
            currency=currency,
            created=created,
            **{"amount_captured": 0, **values},
        )
        self.charges.append(charge)
        return charge

    def _refund(
        self,
        id: str,
        charge: Charge,
        amount: int,
        at: datetime,
        *,
        moves: bool,
        category: str = "refund",
    ) -> bool:
        """A refund, which succeeds at once, never, or only for some days; whether it stands."""
        fate = self.chance.random()
        failed = at + timedelta(days=self.chance.uniform(0, 20)) if 0.8 <= fate < 0.9 else None
        refund = Refund(
            id=id,
            livemode=False,
            as_of=END,
            amount=amount,
            currency=charge.currency,
            charge_id=charge.id,
            status="succeeded" if fate < 0.8 else "failed" if fate < 0.9 else "pending",
            created=at,
            succeeded_at=at if fate < 0.9 else None,
            failed_at=failed,
        )
        self.refunds.append(refund)
        if moves and refund.succeeded_at:
            moved = at - timedelta(hours=self.chance.uniform(0, 30))
            refund.balance_transaction_id = self._transaction(f"txn_{id}", moved, category)
            if refund.failed_at:
                back = refund.failed_at + timedelta(hours=self.chance.uniform(0, 30))
                refund.failure_balance_transaction_id = self._transaction(
                    f"txn_{id}_f", back, "refund_failure"
                )
        return fate < 0.8

    def _transaction(self, id: str, created: datetime, category: str) -> str:
        self.transactions.append(
            BalanceTransaction(
                id=id,
                livemode=False,
                as_of=END,
                amount=1,
                fee=0,
                net=1,
                currency="eur",
                type="refund",
                reporting_category=category,
                status="available",
                available_on=created,
                created=created,
            )
        )
        return id

    def _order(
        self, n: int, currency: str, captured: int, refunded: int, paid_at: datetime
    ) -> None:
        chance = self.chance
        order = Order(
            number=f"order-{n}",
            source=Order.Source.SHOP,
            currency=currency,
            total_minor=captured,
            discount_minor=chance.choice((None, 0, 150)),
            tax_minor=chance.choice((None, captured // 6)),
            shipping_minor=chance.choice((None, 490)),
            customer=chance.choice((None, *self.customers)),
            placed_at=paid_at,
            created_at=paid_at,
        )
        fulfilled = paid_at + timedelta(seconds=chance.uniform(0, 900_000))
        self.orders.append(order)
        self.fates.append(
            (paid_at, fulfilled if chance.random() < 0.8 else None, captured, refunded)
        )
        for position in range(1, chance.choice((1, 2, 3, 4))):
            self.lines.append(
                OrderLine(
                    order=order,
                    position=position,
                    product=chance.choice((None, *self.products)),
                    quantity=chance.choice((1, 1, 2, 7)),
                    total_minor=captured // position,
                )
            )

    def _save(self) -> None:
        BalanceTransaction.objects.bulk_create(self.transactions)
        Charge.objects.bulk_create(self.charges)
        Refund.objects.bulk_create(self.refunds)
        Dispute.objects.bulk_create(self.disputes)
        Order.objects.bulk_create(self.orders)
        OrderLine.objects.bulk_create(self.lines)
        moves = []
        for order, (paid_at, fulfilled_at, captured, refunded) in zip(
            self.orders, self.fates, strict=True
        ):
            order.status, order.paid_at = OrderStatus.PAID, paid_at
            order.captured_minor, order.refunded_minor = captured, refunded
            moves.append((order, OrderStatus.PENDING, OrderStatus.PAID, paid_at))
            if fulfilled_at:
                moves.append((order, OrderStatus.PAID, OrderStatus.FULFILLED, fulfilled_at))
        OrderTransition.objects.bulk_create(
            OrderTransition(
                order=order,
                from_status=before,
                to_status=after,
                at=at,
                recorded_at=at,
                reason="test",
            )
            for order, before, after, at in moves
        )
        paid = ["status", "paid_at", "captured_minor", "refunded_minor"]
        Order.objects.bulk_update(self.orders, paid)
        fulfilled = [order for order, _, to, _ in moves if to == OrderStatus.FULFILLED]
        for order, _, to, at in moves:
            if to == OrderStatus.FULFILLED:
                order.status, order.fulfilled_at = to, at
        Order.objects.bulk_update(fulfilled, ["status", "fulfilled_at"])
