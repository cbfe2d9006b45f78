"""Anomalies for ``monitoring/checks/origin.py``."""

from __future__ import annotations

from monitoring.registry import WHOLE
from monitoring.tests.anomalies.anomaly import Anomaly
from monitoring.tests.telling import forget_events, tell, told


def mix() -> None:
    tell(told("live", livemode=True), told("test", livemode=False))


def hear_of_another_account() -> None:
    tell(told(account="acct_other"))


ANOMALIES = {
    "modes_mixed": Anomaly(
        make=mix,
        finds=lambda: {("payments.stripeevent", WHOLE, None, "")},
        mend=forget_events,
        again=mix,
    ),
    "event_of_another_account": Anomaly(
        make=hear_of_another_account,
        finds=lambda: {("stripe.account", "acct_other", None, "")},
        mend=forget_events,
        again=hear_of_another_account,
    ),
}
