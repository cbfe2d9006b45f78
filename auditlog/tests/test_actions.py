"""Only what is registered gets into the audit log: an action, and each field that it carries."""

from __future__ import annotations

from typing import Any

import pytest

from auditlog.actions import NotRegistered, all_actions, register
from auditlog.models import AuditEvent
from auditlog.services import Entry, record, record_all

pytestmark = pytest.mark.django_db
SOLD = register(
    "test.sold", "Something was sold in a test.", "amount", "lines.sku", "taken.*", "buyer.id"
)
ALLOWED: list[dict[str, Any]] = [
    {},
    {"amount": 5},
    {"amount": None, "lines": []},
    {"lines": [{"sku": "a"}, {"sku": "b"}]},
    {"taken": {"17": 1, "18": {"of": [{"any": "kind"}]}, "a.b": 2}},
    {"buyer": {"id": 7}},
]
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"email": "a@example.com"}, "email"),
    ({"amount": 5, "card": "4242"}, "card"),
    ({"amount": {"value": 5}}, "amount.value"),
    ({"lines": [{"sku": "a"}, {"sku": "b", "name": "Olive"}]}, "lines.name"),
    ({"lines": [[{"key": "sk_live"}]]}, "lines.key"),
    ({"buyer": {"id": 7, "email": "a@example.com"}}, "buyer.email"),
    ({"taken.x": 1, "takenx": 1}, "takenx"),
]


@pytest.mark.parametrize("values", ALLOWED)
def test_what_is_registered_is_recorded(values: dict[str, Any]) -> None:
    record(SOLD, before=values, after=values)
    event = AuditEvent.objects.get()
    assert (event.before, event.after) == (values, values)


@pytest.mark.parametrize(("values", "path"), REFUSED)
@pytest.mark.parametrize("place", ["before", "after"])
def test_what_is_not_registered_is_refused_and_named(
    values: dict[str, Any], path: str, place: str
) -> None:
    with pytest.raises(NotRegistered, match=rf"test\.sold.* carry {path}$"):
        record(SOLD, **{place: values})  # type: ignore[arg-type]
    assert not AuditEvent.objects.exists()


def test_an_action_that_nobody_registered_is_refused() -> None:
    with pytest.raises(NotRegistered, match=r"'test\.unheard_of' isn't registered"):
        record_all([Entry(SOLD), Entry("test.unheard_of")])
    assert not AuditEvent.objects.exists()


def test_a_name_is_registered_once() -> None:
    assert register("test.bare", "Nothing more.") == register("test.bare", "Nothing more.")
    for name, fields in (("test.bare", ("more",)), ("", ()), ("x" * 65, ())):
        with pytest.raises(ValueError, match="can't be the name"):
            register(name, "Nothing more.", *fields)


def test_each_app_s_actions_are_known_and_say_what_they_mean() -> None:
    actions = [action for action in all_actions() if not action.name.startswith("test.")]
    assert {"order.paid", "event.retry", "issue.muted", "user.signed_in", "snapshots.build"} <= {
        action.name for action in actions
    }
    for action in actions:
        assert action.meaning.endswith("."), action.name


def test_no_action_may_carry_what_is_secret_or_personal() -> None:
    words = {"password", "token", "secret", "key", "email", "card", "name", "phone", "iban", "ip"}
    for action in all_actions():
        fields = action.fields - {"files.name"}
        parts = {part for field in fields for part in field.split(".")}
        assert not parts & words, action.name
