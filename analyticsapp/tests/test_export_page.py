"""The page of exports: who may take what, by which address, and who took what."""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.http import StreamingHttpResponse
from django.test import Client
from django.utils import timezone

from analyticsapp.exports import PACKS, all_exports
from analyticsapp.models import DaySnapshot
from analyticsapp.tests.files import parsed, unpacked
from analyticsapp.tests.shop import order
from auditlog.models import AuditEvent
from auditlog.tests.downloads import break_off
from governance.roles import BY_NAME

pytestmark = pytest.mark.django_db
PAGE = "/exports/"
TAKES = {
    "executive": "",
    "analyst": "bi",
    "operator": "ops",
    "finance": "finance bi",
    "auditor": "",
    "administrator": "finance ops bi",
}
NAMES = [*PACKS, *all_exports()]


def signed_in(role: str) -> Client:
    user = User.objects.create_user(role, is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user)
    return client


def body(response: Any) -> bytes:
    assert response.status_code == 200
    assert isinstance(response, StreamingHttpResponse)
    return b"".join(response.streaming_content)  # type: ignore[arg-type]


def test_every_role_is_spoken_of() -> None:
    assert TAKES.keys() == BY_NAME.keys()


@pytest.mark.parametrize(("role", "packs"), TAKES.items())
def test_a_role_takes_its_packs_and_no_other(role: str, packs: str) -> None:
    client = signed_in(role)
    allowed = {*packs.split()}
    for name in NAMES:
        pack = all_exports()[name].pack.name if name in all_exports() else name
        response = client.post(f"{PAGE}{name}/")
        assert response.status_code == (200 if pack in allowed else 403), name
        break_off(response)
    taken = AuditEvent.objects.filter(action="analytics.export_started")
    assert {event.after["pack"] for event in taken} == allowed
    page = client.get(PAGE)
    assert page.status_code == (200 if allowed else 403)
    if allowed:
        assert {pack.name for pack, _ in page.context["packs"]} == allowed
    home = client.get("/accounts/password/").content.decode()
    assert (f'href="{PAGE}"' in home) == bool(allowed)


@pytest.mark.parametrize(("role", "may"), [("finance", False), ("operator", True)])
def test_personal_data_takes_a_permission_of_its_own(role: str, may: bool) -> None:
    client = signed_in(role)
    order(timezone.now(), 100, email="ann@example.com")
    name = {"finance": "orders", "operator": "unfulfilled"}[role]
    assert ('name="personal"' in client.get(PAGE).content.decode()) == may
    response = client.post(f"{PAGE}{name}/", {"personal": "yes"})
    if may:
        assert b"ann@example.com" in body(response)
        assert AuditEvent.objects.latest("id").after["personal_data"] is True
    else:
        assert response.status_code == 403
        assert not AuditEvent.objects.filter(action__startswith="analytics.").exists()
    assert b"ann@example.com" not in body(client.post(f"{PAGE}{name}/"))


def test_a_file_is_of_the_days_and_the_currency_that_were_asked_for() -> None:
    client = signed_in("finance")
    now = timezone.now()
    young = order(now, 100)
    order(now, 100, currency="jpy")
    order(now - timedelta(days=20), 100)
    response = client.post(f"{PAGE}orders/?days=7", {"currency": "eur"})
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"].startswith('attachment; filename="orders-')
    assert response["Cache-Control"] == "no-store"
    assert [row["number"] for row in parsed(body(response))] == [young.number]
    assert len(parsed(body(client.post(f"{PAGE}orders/")))) == 3  # thirty days, in all currencies


def test_a_pack_is_a_zip() -> None:
    client = signed_in("finance")
    response = client.post(f"{PAGE}bi/?days=90")
    assert response["Content-Type"] == "application/zip"
    assert '.zip"' in response["Content-Disposition"]
    files, manifest = unpacked(body(response))
    assert len(files) == len(manifest["files"]) == 7
    assert zipfile.is_zipfile(io.BytesIO(body(client.post(f"{PAGE}finance/"))))


@pytest.mark.parametrize(
    ("query", "form"),
    [("?days=8", {}), ("?from=2026-13-01", {}), ("?month=x", {}), ("", {"currency": "Euro"})],
)
def test_what_means_nothing_leads_back_and_takes_nothing(query: str, form: dict[str, str]) -> None:
    client = signed_in("finance")
    response = client.post(f"{PAGE}orders/{query}", form, follow=True)
    assert response.redirect_chain == [(PAGE, 302)]
    assert 'class="notice error"' in response.content.decode()
    assert not AuditEvent.objects.filter(action__startswith="analytics.").exists()
    if query:
        assert "These are the last days instead." in client.get(f"{PAGE}{query}").content.decode()


def test_nothing_is_taken_by_get_by_a_stranger_or_by_another_name(client: Client) -> None:
    finance = signed_in("finance")
    assert finance.get(f"{PAGE}orders/").status_code == 405
    assert finance.post(f"{PAGE}nothing/").status_code == 404
    assert client.post(f"{PAGE}orders/").status_code == 302
    assert client.get(PAGE).status_code == 302
    guarded = Client(enforce_csrf_checks=True)
    guarded.force_login(User.objects.get(username="finance"))
    assert guarded.post(f"{PAGE}orders/").status_code == 403
    assert not AuditEvent.objects.filter(action__startswith="analytics.").exists()


def test_the_page_says_who_took_what_of_the_packs_that_one_may_take(queries: Any) -> None:
    finance, operator = signed_in("finance"), signed_in("operator")
    order(timezone.now(), 100)
    body(finance.post(f"{PAGE}orders/?days=7", {"currency": "eur"}))
    broken: Any = finance.post(f"{PAGE}finance/")
    next(broken.streaming_content)
    break_off(broken)
    body(operator.post(f"{PAGE}ops/", {"personal": "yes"}))
    begun = AuditEvent.objects.filter(after__export="orders").earliest("id")
    AuditEvent.objects.create(  # whose client sends the same id with every request
        at=timezone.now(),
        action="analytics.export_started",
        actor=begun.actor,
        actor_name="killed",
        request_id=begun.request_id,
        after=begun.after,
    )
    seen = [(one.who, one.what, one.outcome) for one in finance.get(PAGE).context["lately"]]
    assert seen == [
        ("killed", "orders", ""),
        ("finance", "finance pack", "aborted"),
        ("finance", "orders", "complete"),
    ]
    (own,) = operator.get(PAGE).context["lately"]
    assert (own.what, own.personal, own.days) == ("ops pack", True, own.days)
    page = finance.get(PAGE).content.decode()
    assert "not ended" in page
    assert "aborted" in page


def test_the_page_costs_the_same_however_much_there_is(queries: Any) -> None:
    client = signed_in("administrator")
    client.get(PAGE)
    with queries() as few:
        client.get(PAGE)
    now = timezone.now()
    for n in range(30):
        order(now, 100)
        DaySnapshot.objects.create(
            day=now.date() - timedelta(days=n),
            currency="eur",
            gross_minor=1,
            payments=1,
            refunds_minor=0,
            refunds=0,
            orders=1,
            order_value_minor=1,
            built_at=now,
        )
        body(client.post(f"{PAGE}ops/"))
    with queries() as many:
        page = client.get(PAGE)
    assert len(many) <= len(few) + 1  # how the exports ended, once any was begun
    assert len(page.context["lately"]) == 20
    assert page.context["currencies"] == ["eur"]
    assert len(many) <= 12
