from django.db import migrations

# Stripe's customers that have no order yet, and the guests that are one of Stripe's customers: as
# orders.services.customers makes and recognizes them from now on.
SQL = """
INSERT INTO orders_customer (stripe_customer_id, email, name, created_at)
SELECT id,
    CASE WHEN length(trim(email)) BETWEEN 3 AND 254 AND email LIKE '%@%'
        THEN lower(trim(email)) ELSE '' END,
    name, coalesce(created, as_of)
FROM payments_customer WHERE NOT deleted
ON CONFLICT DO NOTHING;

UPDATE orders_customer AS guest SET same_as_id = known.id
FROM (
    SELECT email, min(id) AS id FROM orders_customer
    WHERE stripe_customer_id IS NOT NULL AND email <> ''
    GROUP BY email HAVING count(*) = 1
) AS known
WHERE guest.email = known.email AND guest.stripe_customer_id IS NULL
"""


class Migration(migrations.Migration):
    dependencies = [("orders", "0008_one_row_a_customer"), ("payments", "0002_counted_refund")]

    operations = [migrations.RunSQL(SQL, migrations.RunSQL.noop)]
