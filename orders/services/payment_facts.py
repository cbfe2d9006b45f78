"""A payment as the mirror knows it: intent, charges and Checkout sessions that belong together."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Q

from payments.models import Charge, CheckoutSession, InvoicePayment, PaymentIntent

# The longest address that can be delivered to (RFC 5321, erratum 1690).
LONGEST_EMAIL = 254
ORDER_KEY = "order"  # the metadata that names an order's number
LONGEST_NUMBER = 255


def normalized_email(text: str) -> str:
    """The address in the form that buyers are known by; empty where it can't be one."""
    address = text.strip().lower()
    return address if 3 <= len(address) <= LONGEST_EMAIL and "@" in address else ""


@dataclass
class Payment:
    """``key`` is the intent's id, or that of a charge without one, or of a Checkout session that
    needed no payment."""

    key: str
    intent: PaymentIntent | None = None
    charges: list[Charge] = field(default_factory=list)
    sessions: list[CheckoutSession] = field(default_factory=list)

    @property
    def session(self) -> CheckoutSession | None:
        """Its Checkout session of mode *payment*; of several the paid one, else the last."""
        able = [session for session in self.sessions if session.mode == "payment"]
        return max(able, key=lambda s: (is_paid(s), s.created or s.as_of, s.id), default=None)

    @property
    def charge(self) -> Charge | None:
        """The charge that was captured first, else the last that was tried."""
        captured = [charge for charge in self.charges if charge.captured_at]
        if captured:
            return min(captured, key=lambda c: (c.captured_at, c.id))
        return max(self.charges, key=lambda c: (c.created or c.as_of, c.id), default=None)

    @property
    def names(self) -> str:
        """The number of the order that its metadata names; empty where it names none."""
        for owner in (self.intent, self.charge, self.session):
            number = owner.metadata.get(ORDER_KEY) if owner else None
            if number and isinstance(number, str):
                return number
        return ""

    @property
    def refers_to(self) -> str:
        """The number that the session's ``client_reference_id`` may be."""
        return self.session.client_reference_id if self.session else ""

    @property
    def can_be_linked(self) -> bool:
        """Whether an order can have it: a payment, or a completed session that needed none."""
        return self.needs_no_money or all(session.pk != self.key for session in self.sessions)

    @property
    def needs_no_money(self) -> bool:
        """Whether a session was completed that had nothing to pay."""
        session = self.session
        return bool(
            session
            and is_paid(session)
            and not session.payment_intent_id
            and not session.amount_total
        )

    @property
    def makes_order(self) -> bool:
        """Whether its session says that there is an order."""
        session = self.session
        return bool(
            session and is_paid(session) and (session.payment_intent_id or self.needs_no_money)
        )

    @property
    def succeeded_at(self) -> datetime | None:
        """When it succeeded: by its intent, or by its capture where no intent is known."""
        if self.intent:
            return self.intent.succeeded_at
        charge = self.charge
        return charge.captured_at if charge else None

    @property
    def observed_at(self) -> datetime:
        """The newest time at which Stripe told us of it."""
        owners = [self.intent, *self.charges, *self.sessions]
        return max(owner.as_of for owner in owners if owner)

    @property
    def has_invoice(self) -> bool:
        """Whether intent or charge name an invoice, as they did before *basil*."""
        return bool(
            (self.intent and self.intent.invoice_id) or any(c.invoice_id for c in self.charges)
        )

    @property
    def stripe_customer(self) -> str | None:
        """The id of Stripe's customer who paid."""
        for owner in (self.session, self.intent, self.charge):
            if owner and owner.customer_id:
                return str(owner.customer_id)
        return None

    @property
    def email(self) -> str:
        """The buyer's address, normalized; empty where nobody said."""
        session, charge, intent = self.session, self.charge, self.intent
        given = (
            session.email if session else "",
            charge.email if charge else "",
            intent.receipt_email if intent else "",
        )
        return next(filter(None, map(normalized_email, given)), "")


def is_paid(session: CheckoutSession) -> bool:
    """Paid, or completed with nothing to pay."""
    return session.payment_status == "paid" or session.paid_at is not None


def read_payments(keys: Collection[str], session_ids: Collection[str] = ()) -> dict[str, Payment]:
    """The payments ``keys`` and the sessions without intent ``session_ids``, by key.

    Three statements. A key that the mirror knows nothing of is left out.
    """
    found: dict[str, Payment] = {}

    def payment(key: str) -> Payment:
        return found.setdefault(key, Payment(key))

    for intent in PaymentIntent.objects.filter(pk__in=keys).order_by():
        payment(intent.pk).intent = intent
    for charge in Charge.objects.filter(payment__in=keys).order_by():
        payment(charge.payment).charges.append(charge)
    wanted = Q(payment_intent__in=keys)
    if session_ids:
        wanted |= Q(pk__in=session_ids, payment_intent__isnull=True)
    for session in CheckoutSession.objects.filter(wanted).order_by():
        payment(session.payment_intent_id or session.pk).sessions.append(session)
    return found


def invoiced(payments: Iterable[Payment]) -> set[str]:
    """The keys of those payments that paid an invoice."""
    payments = list(payments)
    found = {payment.key for payment in payments if payment.has_invoice}
    open_ = [payment for payment in payments if payment.key not in found]
    intents = [payment.key for payment in open_ if not is_bare_charge(payment)]
    charges = [payment.key for payment in open_ if is_bare_charge(payment)]
    if intents:
        rows = InvoicePayment.objects.filter(payment_intent__in=intents)
        found.update(rows.values_list("payment_intent_id", flat=True))
    if charges:
        rows = InvoicePayment.objects.filter(charge__in=charges)
        found.update(rows.values_list("charge_id", flat=True))
    return found


def is_bare_charge(payment: Payment) -> bool:
    """Whether it is a charge that was made without an intent."""
    return any(charge.pk == payment.key for charge in payment.charges)


def naming(numbers: Collection[str]) -> tuple[set[str], set[str]]:
    """The keys of the payments, and the sessions without intent, in which one of ``numbers``
    stands as an order's; whether it decides there is for ``Payment.names`` to say. Reads three
    indexes."""
    numbers = list(numbers)
    by_metadata = {f"metadata__{ORDER_KEY}__in": numbers}
    keys = set(PaymentIntent.objects.filter(**by_metadata).order_by().values_list("pk", flat=True))
    keys |= set(Charge.objects.filter(**by_metadata).order_by().values_list("payment", flat=True))
    sessions = (
        CheckoutSession.objects.filter(Q(**by_metadata) | Q(client_reference_id__in=numbers))
        .order_by()
        .values_list("pk", "payment_intent_id")
    )
    keys |= {intent for _, intent in sessions if intent}
    return keys, {pk for pk, intent in sessions if not intent}
