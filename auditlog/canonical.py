"""What the digests of the audit log are taken of, computed by the database itself.

The text is the same on every Postgres from 15 on, in every time zone and after a restore: a JSON
array (so that no value can pass for two) of all columns, times as seconds of the epoch, JSON as
``jsonb`` writes it (its keys in one order, its numbers as they came), addresses with their mask.

Digests are for ever. A column that is added later must leave those of rows that don't have it as
they are: add it only where it is not null.
"""

from __future__ import annotations

# Of the row ``event``, 32 bytes.
ROW_DIGEST = """sha256(convert_to(jsonb_build_array(
    event.id, extract(epoch FROM event.at)::text, event.action, event.actor_id, event.actor_name,
    event.target_type, event.target_id, event.reason, event.before, event.after,
    event.address::text, event.request_id
)::text, 'UTF8'))"""

# Of the row ``seal``, 64 hexadecimal digits.
SEAL_DIGEST = """encode(sha256(convert_to(jsonb_build_array(
    seal.number, extract(epoch FROM seal.at)::text, seal.previous, seal.last_id, seal.ids::text,
    seal.void::text, seal.pending::text, seal.count, encode(sha256(seal.row_digests), 'hex')
)::text, 'UTF8')), 'hex')"""

# The rows of a range of ids, through the index: as a join it would read the whole log each time.
ROWS_IN = """
SELECT * FROM auditlog_auditevent WHERE id >= lower({ids}) AND id < upper({ids}) OFFSET 0
"""

DIGEST_BYTES = 32
# What the first seal has for the digest of the seal before.
GENESIS = "0" * 64
