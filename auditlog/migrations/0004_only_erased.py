from django.db import migrations

ONLY_ERASED = r"""
CREATE FUNCTION only_erased(old jsonb, new jsonb) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF old IS NOT DISTINCT FROM new THEN
        RETURN true;
    ELSIF old IS NULL OR new IS NULL THEN
        RETURN false;
    ELSIF jsonb_typeof(old) = 'object' AND jsonb_typeof(new) = 'object' THEN
        RETURN NOT EXISTS (
            SELECT FROM jsonb_each(new) AS part
            WHERE NOT (old ? part.key AND only_erased(old -> part.key, part.value))
        );
    ELSIF jsonb_typeof(old) = 'array' AND jsonb_typeof(new) = 'array' THEN
        RETURN jsonb_array_length(old) = jsonb_array_length(new) AND NOT EXISTS (
            SELECT FROM generate_series(0, jsonb_array_length(new) - 1) AS n
            WHERE NOT only_erased(old -> n::int, new -> n::int)
        );
    END IF;
    RETURN jsonb_typeof(old) = 'string' AND jsonb_typeof(new) = 'string'
        AND (new #>> '{}') ~ '^(erased|erased-[0-9a-f]{32}@erased\.invalid)$';
END
$$;
COMMENT ON FUNCTION only_erased(jsonb, jsonb) IS
    'Whether new is old with parts gone and texts erased or made pseudonyms, and nothing else.';
"""


class Migration(migrations.Migration):
    """What the triggers that refuse any other change of what is recorded go by."""

    dependencies = [("auditlog", "0003_find_events_by_time")]

    operations = [
        migrations.RunSQL(ONLY_ERASED, "DROP FUNCTION only_erased(jsonb, jsonb)"),
    ]
