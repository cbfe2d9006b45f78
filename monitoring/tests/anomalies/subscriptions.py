"""Anomalies for ``monitoring/checks/subscriptions.py``."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from analyticsapp.models import SubscriptionSpan
from config.tests.rows import build
from monitoring.tests.anomalies.anomaly import Anomaly
from monitoring.tests.subscribing import DAY, invoice, invoice_payment, subscription
from payments.models import Invoice, InvoicePayment, Subscription


def be_past_due() -> None:
    subscription(status="past_due")
    build(
        SubscriptionSpan,
        subscription_id="sub_1",
        customer_id="cus_1",
        currency="eur",
        status="past_due",
        starts_at=timezone.now() - timedelta(days=22),
        lines=[],
    )
    invoice(status="open", amount_paid=0, amount_remaining=1_000)


ANOMALIES = {
    "subscription_status_unknown": Anomaly(
        make=lambda: subscription(status="dormant"),
        finds=lambda: {("payments.subscription", "sub_1", 1_000, "eur")},
        mend=lambda: Subscription.objects.update(status="canceled"),
        again=lambda: Subscription.objects.update(status="dormant"),
    ),
    "invoice_paid_without_payment": Anomaly(
        make=invoice,
        finds=lambda: {("payments.invoice", "in_1", 1_000, "eur")},
        mend=invoice_payment,
        again=lambda: InvoicePayment.objects.update(status="canceled"),
    ),
    "subscription_without_invoice": Anomaly(
        make=subscription,
        finds=lambda: {("payments.subscription", "sub_1", 1_000, "eur")},
        mend=lambda: invoice(status="open", amount_paid=0),
        again=lambda: Invoice.objects.update(created=timezone.now() - 32 * DAY),
    ),
    "subscription_past_due": Anomaly(
        make=be_past_due,
        finds=lambda: {("payments.subscription", "sub_1", 1_000, "eur")},
        mend=lambda: Subscription.objects.update(status="active"),
        again=lambda: Subscription.objects.update(status="past_due"),
    ),
}
