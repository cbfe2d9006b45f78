"""Anomalies for ``monitoring/checks/vocabulary.py``."""

from __future__ import annotations

from config.tests.rows import build
from monitoring.tests.anomalies.anomaly import Anomaly
from monitoring.tests.telling import forget_events, tell, told
from payments.models import Coupon


def hear_of_a_new_type() -> None:
    tell(told(type_="customer.teleported"))


def hear_in_a_new_version() -> None:
    tell(told(version="2031-01-01.zebra"))


ANOMALIES = {
    "event_type_unknown": Anomaly(
        make=hear_of_a_new_type,
        finds=lambda: {("stripe.event_type", "customer.teleported", None, "")},
        mend=forget_events,
        again=hear_of_a_new_type,
    ),
    "api_version_unknown": Anomaly(
        make=hear_in_a_new_version,
        finds=lambda: {("stripe.api_version", "2031-01-01.zebra", None, "")},
        mend=forget_events,
        again=hear_in_a_new_version,
    ),
    "value_unknown": Anomaly(
        make=lambda: build(Coupon, id="half", duration="while_stocks_last"),
        finds=lambda: {("stripe.value", "coupon.duration while_stocks_last", None, "")},
        mend=lambda: Coupon.objects.update(duration="once"),
        again=lambda: Coupon.objects.update(duration="while_stocks_last"),
    ),
}
