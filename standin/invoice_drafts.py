"""Draft invoices: lines, discounts and totals."""

from __future__ import annotations

from .clock import DAY
from .errors import Obj
from .invoice_lines import apply_discounts
from .world import World, list_of

Lines = list[Obj]


def draft(
    world: World,
    *,
    customer: str,
    lines: Lines,
    reason: str,
    currency: str,
    subscription: Obj | None = None,
    discounts: list[str] | None = None,
    period: tuple[int, int] | None = None,
    collection_method: str = "charge_automatically",
    metadata: dict[str, str] | None = None,
    days_until_due: int | None = None,
    description: str | None = None,
) -> Obj:
    """A draft invoice. No event yet: ``announce`` does that."""
    id_ = world.ids.new("in_")
    holder = world.get("customer", customer, "customer")
    taken = apply_discounts(world, lines, discounts or [])
    for line in lines:
        line["invoice"] = id_
    subtotal = sum(line["amount"] for line in lines)
    total = subtotal - sum(entry["amount"] for entry in taken)
    start, end = period or (world.now, world.now)
    due = None if days_until_due is None else world.now + days_until_due * DAY
    parent: Obj | None = None
    if subscription is not None:
        details = {
            "metadata": dict(subscription["metadata"]),
            "subscription": subscription["id"],
        }
        parent = {
            "quote_details": None,
            "subscription_details": details,
            "type": "subscription_details",
        }
    invoice: Obj = {
        "id": id_,
        "object": "invoice",
        "account_country": world.settings.country,
        "account_name": world.settings.account_name,
        "account_tax_ids": None,
        "amount_due": max(total, 0),
        "amount_overpaid": 0,
        "amount_paid": 0,
        "amount_remaining": max(total, 0),
        "amount_shipping": 0,
        "application": None,
        "attempt_count": 0,
        "attempted": False,
        "auto_advance": subscription is not None,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "automatically_finalizes_at": None,
        "billing_reason": reason,
        "collection_method": collection_method,
        "created": world.now,
        "currency": currency,
        "custom_fields": None,
        "customer": customer,
        "customer_account": None,
        "customer_address": holder["address"],
        "customer_email": holder["email"],
        "customer_name": holder["name"],
        "customer_phone": holder["phone"],
        "customer_shipping": holder["shipping"],
        "customer_tax_exempt": holder["tax_exempt"],
        "customer_tax_ids": [],
        "default_payment_method": None,
        "default_source": None,
        "default_tax_rates": [],
        "description": description,
        "discounts": list(discounts or []),
        "due_date": due,
        "effective_at": None,
        "ending_balance": None,
        "footer": None,
        "from_invoice": None,
        "hosted_invoice_url": None,
        "invoice_pdf": None,
        "issuer": {"type": "self"},
        "last_finalization_error": None,
        "latest_revision": None,
        "lines": list_of(f"/v1/invoices/{id_}/lines", lines),
        "livemode": world.livemode,
        "metadata": metadata or {},
        "next_payment_attempt": None,
        "number": None,
        "on_behalf_of": None,
        "parent": parent,
        "payment_settings": {
            "default_mandate": None,
            "payment_method_options": None,
            "payment_method_types": None,
        },
        "period_end": end,
        "period_start": start,
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "receipt_number": None,
        "rendering": None,
        "shipping_cost": None,
        "shipping_details": None,
        "starting_balance": 0,
        "statement_descriptor": None,
        "status": "draft",
        "status_transitions": {
            "finalized_at": None,
            "marked_uncollectible_at": None,
            "paid_at": None,
            "voided_at": None,
        },
        "subtotal": subtotal,
        "subtotal_excluding_tax": subtotal,
        "test_clock": None,
        "total": total,
        "total_discount_amounts": taken,
        "total_excluding_tax": total,
        "total_pretax_credit_amounts": [],
        "total_taxes": [],
        "webhooks_delivered_at": None,
    }
    return world.add(invoice)
