"""Indexes over the mirror by which an order finds the payments that name it.

Hash indexes, because what stands in metadata can be longer than a B-tree takes.
"""

from django.db import migrations

INDEXES = {
    "orders_intent_names": "payments_paymentintent USING hash ((metadata -> 'order')) "
    "WHERE (metadata -> 'order') IS NOT NULL",
    "orders_charge_names": "payments_charge USING hash ((metadata -> 'order')) "
    "WHERE (metadata -> 'order') IS NOT NULL",
    "orders_session_names": "payments_checkoutsession USING hash ((metadata -> 'order')) "
    "WHERE (metadata -> 'order') IS NOT NULL",
    "orders_session_refers": "payments_checkoutsession (client_reference_id) "
    "WHERE client_reference_id <> ''",
    "orders_invoice_charge": "payments_invoicepayment (charge_id) WHERE charge_id IS NOT NULL",
}


class Migration(migrations.Migration):
    dependencies = [("orders", "0001_initial"), ("payments", "0001_initial")]

    operations = [
        migrations.RunSQL(f"CREATE INDEX {name} ON {on}", f"DROP INDEX {name}")
        for name, on in INDEXES.items()
    ]
