"""What no log holds, however it came into a record and whatever the formatter."""

from __future__ import annotations

import io
import json
import logging
import time
from typing import Any

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from config.redaction import MASK, RedactingFilter, redact

LETTERS = st.characters(codec="utf-8", exclude_categories=("Cs", "Cc"))
WORD = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=16)


class WholeRecord(logging.Formatter):
    """The most talkative formatter: everything that is on the record, as JSON."""

    def format(self, record: logging.LogRecord) -> str:
        line = {**vars(record), "message": record.getMessage()}
        if record.exc_info:
            line["exc_info"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


def logged(message: str, *args: Any, extra: dict[str, Any] | None = None, error: str = "") -> str:
    """What a plain and a talkative formatter write of one record, redacted once."""
    stream = io.StringIO()
    logger = logging.Logger("test")
    for formatter in (logging.Formatter("%(levelname)s %(message)s"), WholeRecord()):
        handler = logging.StreamHandler(stream)
        handler.addFilter(RedactingFilter())
        handler.setFormatter(formatter)
        logger.addHandler(handler)
    try:
        raise ValueError(error)
    except ValueError:
        logger.error(message, *args, extra=extra, exc_info=bool(error))
    return stream.getvalue()


def luhn(digits: list[int]) -> bool:
    """Whether the last digit is the check digit of the others."""
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


@st.composite
def cards(draw: st.DrawFn) -> str:
    body = draw(st.integers(2, 6).map(str)) + draw(st.text("0123456789", min_size=11, max_size=17))
    number = next(body + str(last) for last in range(10) if luhn([*map(int, body), last]))
    apart = draw(st.sampled_from(["", " ", "-"]))
    return apart.join(number[at : at + 4] for at in range(0, len(number), 4))


SECRETS = st.one_of(
    st.emails(),
    cards(),
    st.builds(
        "{}_{}_{}".format,
        st.sampled_from(["sk", "rk", "pk"]),
        st.sampled_from(["live", "test"]),
        WORD,
    ),
    WORD.map("whsec_{}".format),
    WORD.map("pi_3Mtw_secret_{}".format),
)


@given(secret=SECRETS, before=st.text(LETTERS, max_size=20), after=st.text(LETTERS, max_size=20))
def test_no_address_card_or_key_gets_through_any_way_into_a_record(
    secret: str, before: str, after: str
) -> None:
    around = f"{before} {secret} {after}"
    ways = {
        "message": logged(around.replace("%", "%%")),
        "argument": logged("%s", around),
        "argument's value": logged("%r", {"of": [around]}),
        "exception": logged("it broke", error=around),
        "extra": logged("it broke", extra={"about": around, "deep": {"in": [{"it": around}]}}),
    }
    for way, output in ways.items():
        assert MASK in output, way
        assert secret not in output, way
        assert json.dumps(secret, ensure_ascii=False)[1:-1] not in output, way


@given(value=WORD, key=st.sampled_from(["name", "customer_name", "phone", "client_secret", "cvc"]))
def test_what_is_named_as_a_secret_or_a_persons_detail_is_masked_whole(
    value: str, key: str
) -> None:
    outputs = (
        logged("customer %s", {key: value}),
        logged(f"customer {key}={value}, and more"),
        logged("customer %s", json.dumps({"of": {key: value}})),
        logged("customer", extra={"of": {key: value}}),
        logged(f"Authorization: Bearer {value}"),
    )
    for output in outputs:
        assert value not in output
        assert MASK in output


def test_what_helps_to_find_a_fault_stays() -> None:
    told = (
        "Order A-1042 (pi_3MtwBwLkdIwHu7ix28a3tqPa, evt_1NG8Du2eZvKYlo2CUI79vXWy): 12900 eur at "
        "1790000000123, request 4b0d7c5be1e14d0f8e7f3f6f7f1d2c3b"
    )
    output = logged(told, extra={"amount": 1234, "event": "evt_1"}, error="cannot lock row 17")
    assert told in output
    assert '"amount": 1234' in output
    assert "ValueError: cannot lock row 17" in output


def test_a_record_whose_arguments_do_not_fit_is_not_lost_and_tells_none() -> None:
    output = logged("%d events", "ada@example.com")
    assert "%d events" in output
    assert "ada" not in output


@pytest.mark.parametrize(
    "text",
    [
        "ann@example.com/bob@example.org",
        "ann@example.com+bob@example.org",
        "ann@example.com@bob@example.org",
        "to:ann@example.com;bob@example.org",
    ],
)
def test_addresses_that_touch_each_other_go_both(text: str) -> None:
    redacted = redact(text)
    assert "ann" not in redacted
    assert "bob" not in redacted
    assert "example" not in redacted


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Authorization: Bearer 8c1f04d2aa", f"Authorization: {MASK}"),
        ("email: ann@example.com, next", f"email: {MASK}, next"),
        ('{"name": "Ann"}', f'{{"name": "{MASK}"}}'),
        ("4242 4242 4242 4242.", f"{MASK}."),
    ],
)
def test_a_line_for_two_handlers_is_masked_once(text: str, shown: str) -> None:
    assert redact(text) == redact(redact(text)) == shown


@pytest.mark.parametrize(
    "text", ["a", "a_", "a.", "a@", "4", "4 ", "name ", 'name="', "pi_1_secret"]
)
def test_a_long_line_holds_nobody_up(text: str) -> None:
    started = time.perf_counter()
    redact(text * (200_000 // len(text)))
    assert time.perf_counter() - started < 10  # reading on from each letter anew takes a minute


def test_every_handler_redacts() -> None:
    handlers: dict[str, Any] = settings.LOGGING["handlers"]  # type: ignore[assignment]
    assert [name for name, one in handlers.items() if "redact" not in one["filters"]] == []
    stray = [one for one in logging.getLogger().handlers if type(one) is logging.StreamHandler]
    assert all(any(isinstance(f, RedactingFilter) for f in one.filters) for one in stray)
