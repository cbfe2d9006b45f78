"""``text::bytea`` read backslashes as its own and refused payloads with a quote in a text."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('payments', '0014_events_name_their_request'),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name='stripeevent',
            name='only_reduced',
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='stripeevent',
            trigger=pgtrigger.compiler.Trigger(name='only_reduced', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."payload" IS DISTINCT FROM (NEW."payload") OR OLD."payload_digest" IS DISTINCT FROM (NEW."payload_digest") OR OLD."reduced_for" IS DISTINCT FROM (NEW."reduced_for"))', func="\n                    IF NEW.reduced_for = 'retention' AND OLD.reduced_for = ''\n                            AND OLD.status IN ('processed', 'ignored') THEN\n                        NEW.payload_digest =\n                            encode(sha256(convert_to(OLD.payload::text, 'UTF8')), 'hex');\n                    ELSIF NEW.reduced_for = 'erasure' THEN\n                        NEW.payload_digest = '';\n                    ELSE\n                        RAISE EXCEPTION 'an event can''t be changed (%)', OLD.stripe_id;\n                    END IF;\n                    IF NOT only_erased(OLD.payload, NEW.payload) THEN\n                        RAISE EXCEPTION 'an event can''t be changed (%)', OLD.stripe_id;\n                    END IF;\n                    RETURN NEW;\n                ", hash='c1fa81a5ae6efaa23d09715d0d4cec27d3ee824a', operation='UPDATE', pgid='pgtrigger_only_reduced_febc4', table='payments_stripeevent', when='BEFORE')),
        ),
    ]
