"""Every page of the admin: it opens with a row on it, says its policy, and read-only means it."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.utils import quote
from django.contrib.auth.models import User
from django.db import models
from django.test import Client
from django.urls import reverse

from auditlog.readonly import ReadOnlyAdmin
from config.tests.rows import build, build_job, our_models
from monitoring.models import BackgroundJob

POLICY = "default-src 'none'"
PAGES = [model for model in admin.site._registry if model in {*our_models(), BackgroundJob}]
READ_ONLY = [model for model in PAGES if isinstance(admin.site._registry[model], ReadOnlyAdmin)]


def ids(model: type[models.Model]) -> str:
    return model._meta.label_lower


every_page = pytest.mark.parametrize("model", PAGES, ids=ids)
every_read_only_page = pytest.mark.parametrize("model", READ_ONLY, ids=ids)


def row_of(model: type[models.Model]) -> models.Model:
    if model is BackgroundJob:
        job: models.Model = BackgroundJob.objects.get(pk=build_job())
        return job
    return build(model)


def address(model: type[models.Model], page: str, *args: Any) -> str:
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}"
    return reverse(name, args=[quote(arg) for arg in args])


@pytest.fixture
def as_auditor(client: Client, auditor: User) -> Client:
    client.force_login(auditor)
    return client


@pytest.fixture
def as_superuser(client: Client, superuser: User) -> Client:
    client.force_login(superuser)
    return client


def test_every_mirrored_object_has_a_page() -> None:
    from payments.models import MirrorObject

    assert {*MirrorObject.__subclasses__()} <= {*READ_ONLY}


def test_the_queue_has_no_pages_of_its_own() -> None:
    assert not [m for m in admin.site._registry if m._meta.app_label == "procrastinate"]


@every_page
def test_the_auditor_sees_list_page_and_search(
    as_auditor: Client, model: type[models.Model]
) -> None:
    row = row_of(model)
    listed = as_auditor.get(address(model, "changelist"))
    shown = as_auditor.get(address(model, "change", row.pk))
    found = as_auditor.get(address(model, "changelist"), {"q": str(row.pk)})
    for response in (listed, shown, found):
        assert response.status_code == 200
        assert POLICY in response["Content-Security-Policy"]
        text = response.content.decode()
        assert " style=" not in text
        assert "<script>" not in text
    assert listed.context["cl"].result_count == 1
    # What the auditor sees, the auditor can't save.
    assert 'name="_save"' not in shown.content.decode()


@every_page
def test_every_filter_and_odd_address_is_answered(
    as_auditor: Client, model: type[models.Model]
) -> None:
    row_of(model)
    listed = as_auditor.get(address(model, "changelist"))
    choices = [
        choice["query_string"]
        for spec in listed.context["cl"].filter_specs
        for choice in spec.choices(listed.context["cl"])
    ]
    for query in [*choices, "?q=%00%00", "?q=" + "x" * 10_000, "?p=10", "?p=x", "?p=-1", "?o=1.2"]:
        response = as_auditor.get(address(model, "changelist") + query, follow=True)
        assert response.status_code == 200, query
    missing = as_auditor.get(address(model, "change", "no_such_row"))
    assert missing.status_code == 302  # to the front page, which says so


@every_read_only_page
def test_nobody_adds_changes_or_deletes(as_superuser: Client, model: type[models.Model]) -> None:
    row = row_of(model)
    before = model._base_manager.filter(pk=row.pk).values().get()
    assert as_superuser.get(address(model, "add")).status_code == 403
    assert as_superuser.post(address(model, "add"), {}).status_code == 403
    assert as_superuser.post(address(model, "change", row.pk), {}).status_code == 403
    assert as_superuser.get(address(model, "delete", row.pk)).status_code == 403
    assert as_superuser.post(address(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    as_superuser.post(
        address(model, "changelist"),
        {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"},
    )
    assert model._base_manager.filter(pk=row.pk).values().get() == before


@every_page
def test_somebody_without_a_role_sees_nothing(
    db: None, client: Client, model: type[models.Model]
) -> None:
    row = row_of(model)
    client.force_login(User.objects.create_user("nobody", is_staff=True))
    for page in (address(model, "changelist"), address(model, "change", row.pk)):
        assert client.get(page).status_code == 403


@every_read_only_page
def test_the_statements_of_a_list_do_not_grow_with_its_rows(
    as_auditor: Client, model: type[models.Model], queries: Any
) -> None:
    if model._meta.label_lower == "analyticsapp.snapshotstate":
        return  # it has one row
    row_of(model)
    as_auditor.get(address(model, "changelist"))  # what is cached, is cached
    with queries() as one:
        as_auditor.get(address(model, "changelist"))
    for _ in range(4):
        row_of(model)
    with queries() as five:
        assert as_auditor.get(address(model, "changelist")).context["cl"].result_count == 5
    assert len(five) == len(one)


@every_read_only_page
def test_no_list_counts_its_table(
    as_auditor: Client, model: type[models.Model], queries: Any
) -> None:
    row_of(model)
    with queries() as captured:
        as_auditor.get(address(model, "changelist"))
    table = model._meta.db_table
    counts = [q["sql"] for q in captured if "COUNT(" in q["sql"] and table in q["sql"]]
    assert counts
    assert all("LIMIT" in sql for sql in counts)
