from django.db import migrations, models

# A column that a trigger looks at can't be altered under it.
OBJECT_ID = """
DO $do$
DECLARE
    kept record;
BEGIN
    SELECT pg_get_triggerdef(oid) AS definition, obj_description(oid, 'pg_trigger') AS comment
    INTO STRICT kept
    FROM pg_trigger
    WHERE tgrelid = 'payments_stripeevent'::regclass AND tgname = 'pgtrigger_immutable_d3cc1';
    DROP TRIGGER pgtrigger_immutable_d3cc1 ON payments_stripeevent;
    ALTER TABLE payments_stripeevent ALTER object_id TYPE varchar(255){collation};
    EXECUTE kept.definition;
    EXECUTE format(
        'COMMENT ON TRIGGER pgtrigger_immutable_d3cc1 ON payments_stripeevent IS %L', kept.comment
    );
END
$do$
"""


class Migration(migrations.Migration):
    """An index serves only comparisons of its own collation, and Stripe's ids are of C.

    No table is rewritten by this; each index on a column is.
    """

    # One table after the other is locked, none of them for longer than its index takes.
    atomic = False

    dependencies = [("payments", "0010_released_parts_are_no_refunds")]

    operations = [
        migrations.AlterField(
            model_name="balancetransaction",
            name="source",
            field=models.CharField(
                blank=True, db_collation="C", help_text="Id of the object it is for.", max_length=255
            ),
        ),
        migrations.AlterField(
            model_name="readrequest",
            name="key",
            field=models.CharField(db_collation="C", max_length=255),
        ),
        migrations.SeparateDatabaseAndState(
            [
                migrations.RunSQL(
                    OBJECT_ID.format(collation=' COLLATE "C"'), OBJECT_ID.format(collation="")
                )
            ],
            [
                migrations.AlterField(
                    model_name="stripeevent",
                    name="object_id",
                    field=models.CharField(db_collation="C", max_length=255),
                )
            ],
        ),
    ]
