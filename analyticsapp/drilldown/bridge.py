"""The rows behind a line of the bridge, in one currency."""

from __future__ import annotations

from analyticsapp.bridge.legs import legs
from analyticsapp.days import Window
from analyticsapp.drilldown.rows import Part
from analyticsapp.kpis import Unit
from analyticsapp.tables.table import STRETCHES, stretch_parameters

MODELS = {
    "charge": "payments.charge",
    "refund": "payments.refund",
    "returned refund": "payments.refund",
    "balance transaction": "payments.balancetransaction",
}
KINDS = " ".join(f"WHEN '{kind}' THEN '{model}'" for kind, model in MODELS.items())


def rows(line: str) -> str:
    """SQL of the rows of a line; an empty counterpart stands for all of them. What leaves one day
    of the whole period and comes in on another of it is neither."""
    return f"""
WITH given AS MATERIALIZED (
    SELECT ARRAY[%(start)s]::timestamptz[] AS starts, {STRETCHES}
),
runs AS MATERIALIZED (
    SELECT %(start)s::timestamptz AS starts, %(end)s::timestamptz AS ends
)
SELECT leg.at, concat_ws(' ', leg.kind, leg.id, leg.other) AS key, leg.kind,
    CASE leg.kind {KINDS} END AS model, leg.id AS object_id, leg.id AS label,
    concat_ws(' · ', nullif(leg.other, ''), to_char(leg.other_day, 'YYYY-MM-DD')) AS detail,
    leg.amount
FROM given CROSS JOIN runs CROSS JOIN LATERAL {legs(line)}
WHERE leg.line = %(line)s AND leg.currency = %(currency)s
    AND (%(counterpart)s = '' OR leg.counterpart = %(counterpart)s)
    AND (leg.other_day IS NULL OR leg.other_day NOT BETWEEN %(whole_first)s AND %(whole_last)s)
"""


def rows_of_line(name: str, line: str, whole: Window, counterpart: str = "") -> Part:
    """The charges, refunds or balance transactions of a line of the bridge of the ``whole`` days,
    and what each adds to it; with those of one currency on the other side alone if one is given.
    Those of any of these days may be asked for."""
    values = {
        "line": line,
        "counterpart": counterpart,
        "whole_first": whole.first,
        "whole_last": whole.last,
        **stretch_parameters(),
    }
    return Part(name, Unit.MONEY, rows(line), values)
