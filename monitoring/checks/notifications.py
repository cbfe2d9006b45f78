"""Checks of how issues are told to people."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from monitoring import channels
from monitoring.models import AlertDelivery, Kind, Severity
from monitoring.registry import Finding, check, moment, reference, rows

# Of each channel the last try that had an outcome, and how many messages it has not taken since it
# last took one.
LAST_TRY = """
SELECT last.*, (
    SELECT count(*) FROM monitoring_alertdelivery AS missed
    WHERE missed.channel = last.channel AND missed.error <> '' AND NOT EXISTS (
        SELECT FROM monitoring_alertdelivery AS taken
        WHERE taken.channel = missed.channel AND taken.status = 'sent'
            AND taken.tried_at > missed.tried_at
    )
) AS missed
FROM (
    SELECT DISTINCT ON (channel) id, channel, status, attempts, tried_at, error
    FROM monitoring_alertdelivery
    WHERE channel = ANY(%(channels)s) AND tried_at IS NOT NULL
    ORDER BY channel, tried_at DESC, id DESC
) AS last
WHERE last.status <> 'sent'
"""


@check(
    name="notification_channel_failing",
    kind=Kind.ATTENTION,
    severity=Severity.HIGH,
    meaning="A channel in ALERT_URLS did not take the last message. Whoever relies on it hears "
    "nothing of new issues.",
    remedy="Read what the channel said. Is the token or the password still valid, can this server "
    "reach the service? Correct ALERT_URLS and try it with `manage.py send_test_alert`: a test "
    "that arrives resolves this with the next run. A message that failed is tried again for three "
    "hours; what was not told stands in the list of issues.",
)
def notification_channel_failing(now: datetime) -> Iterator[Finding]:
    """Channels whose last message wasn't taken."""
    labels = {channel.key: channel.label for channel in channels.configured()}
    if not labels:
        return
    for row in rows(LAST_TRY, {"channels": list(labels)}):
        label = labels[row["channel"]]
        yield Finding(
            subject_type="monitoring.channel",
            subject_id=row["channel"],
            summary=f"Alerts don’t arrive: {label} did not take the last one",
            evidence={
                "what it said": row["error"],
                "last tried": moment(row["tried_at"]),
                "tries": row["attempts"],
                "messages not taken": row["missed"],
                "message": reference(AlertDelivery, row["id"], label),
            },
        )
