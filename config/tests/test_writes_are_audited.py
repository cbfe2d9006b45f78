"""Every write stands in the audit log, or in the list below with the reason why not."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest
from django.apps import apps
from django.contrib import admin

from auditlog.readonly import ReadOnlyAdmin
from config.tests.writes import Source, modules
from governance.admin import PersonAdmin, RoleAdmin

BASE_DIR = Path(__file__).resolve().parent.parent.parent
PACKAGES = (
    "payments",
    "orders",
    "analyticsapp",
    "monitoring",
    "governance",
    "release",
    "config",
    "auditlog",
)

NOT_AUDITED: dict[str, tuple[str, ...]] = {
    "What Stripe told is its own record; what it does to orders is audited.": (
        "payments.inbox.INSERT",
        "payments.inbox.delivered_after_all",
        "payments.mirror.projection.write",
        "payments.processing.fail",
        "payments.processing.process",
    ),
    "What is still to be read from Stripe is a queue; what came of it is in the inbox.": (
        "payments.reading._claim",
        "payments.reading._drop_answered",
        "payments.reading._failed",
        "payments.reading._fulfilled",
        "payments.reading._release",
        "payments.reads.request",
        "orders.services.waiting.settle_waiting",
    ),
    "When to send is a queue; that it is to be sent, and what came of it, is audited.": (
        "payments.refund_sending.claim",
        "payments.refund_sending.put_off",
        "monitoring.services.alerts.claim",
        "monitoring.services.alerts.prepare",
    ),
    "Figures follow from rows that are audited; counting them again by hand is audited.": (
        "analyticsapp.services.dirty_days.mark_days",
        "analyticsapp.services.snapshots._count_recurring",
        "analyticsapp.services.snapshots._drain_log",
        "analyticsapp.services.snapshots._set_state",
        "analyticsapp.services.snapshots.refresh",
        "analyticsapp.services.subscription_days.COUNT",
        "analyticsapp.services.subscriptions.drain_log",
        "analyticsapp.services.subscriptions.mark",
        "analyticsapp.services.subscriptions.write",
        "analyticsapp.tables.table.SnapshotTable.count",
    ),
    "Made, changed or served are orders whose own rows say so.": (
        "orders.services.customers.settle_customers",
        "orders.services.importing.link",
        "orders.services.importing.serve",
        "orders.services.settling.settle_stock",
    ),
    "This is no row: the sample data's Stripe keeps a file.": ("release.demo.running.prepare",),
    "A run's beginning, end and effects are audited; this says how far it is.": (
        "monitoring.services.runs.run_checks",
    ),
    "A seal is about the audit log itself: a row about each would never end.": (
        "auditlog.sealing.SEAL",
    ),
}


@cache
def ours() -> Source:
    """The project's own source."""
    models = apps.get_models(include_auto_created=True)
    return Source(
        modules(BASE_DIR, PACKAGES),
        tables={model._meta.db_table for model in models},
        sets={field.name for model in models for field in model._meta.many_to_many},
    )


def test_every_write_is_audited_or_declared() -> None:
    declared = {name for names in NOT_AUDITED.values() for name in names}
    found = list(ours().unaudited(declared))
    undeclared = [
        f"{' -> '.join(way)} writes {', '.join(sorted(part.writes))}"
        for part, way in found
        if way[0] not in declared
    ]
    assert not undeclared, "neither audited nor in NOT_AUDITED"
    assert declared == {way[0] for _, way in found}, "declared in vain"


def test_the_writes_of_every_app_are_seen() -> None:
    """Else the test above would pass by seeing nothing."""
    seen = {name for name, part in ours().parts.items() if part.writes}
    assert {
        "orders.services.transitions.move_all",
        "orders.services.storing.save_all",
        "payments.refund_requests.withdraw",
        "payments.processing.process",
        "monitoring.services.triage.decide",
        "monitoring.services.issues.OPEN",
        "monitoring.services.retention.forget_runs",
        "governance.roles.keep_groups",
        "release.demo.people.ensure_people",
    } <= seen


@pytest.mark.parametrize("model", admin.site._registry, ids=lambda model: model._meta.label_lower)
def test_no_page_of_the_admin_saves_by_itself(model: type) -> None:
    """Django's own forms write without a service: only that of people may, which audits."""
    page = admin.site._registry[model]
    assert isinstance(page, ReadOnlyAdmin | PersonAdmin | RoleAdmin)


SERVICES = """
from auditlog.services import record
from shop.models import Basket
from shop.raw import EMPTY

def audited(basket):
    basket.save()
    record("basket.saved", basket)

def silent(basket):
    basket.save()

def by_sql(cursor):
    cursor.execute(EMPTY)

def by_sql_of_its_own(cursor, table):
    cursor.execute(f"DELETE FROM {table}")

def part_of_an_audited_one(basket):
    Basket.objects.filter(pk=1).update(full=True)

def audits_for_it(basket):
    part_of_an_audited_one(basket)
    note(basket)

def note(basket):
    record("basket.filled", basket)

def gives_a_role(user, role):
    user.groups.add(role)

class Keeper:
    def keep(self):
        self.store()

    def store(self):
        Basket.objects.bulk_create([])

def harmless(words, digest):
    words.add("a")
    digest.update(b"b")
"""
RAW = 'EMPTY = "DELETE FROM shop_basket"\nOTHER = "DELETE FROM somebody_elses"\n'
VIEWS = """
import shop.services as services

def view(request):
    services.part_of_an_audited_one(1)
"""


def unaudited(**texts: str) -> dict[str, set[str]]:
    source = Source(
        {f"shop.{name}": text for name, text in texts.items()}, {"shop_basket"}, {"groups"}
    )
    found = defaultdict(set)
    for part, way in source.unaudited():
        found[part.name.removeprefix("shop.")].add(way[0].removeprefix("shop."))
    return dict(found)


def test_a_write_without_an_audit_row_is_found() -> None:
    assert unaudited(services=SERVICES, raw=RAW) == {
        "services.silent": {"services.silent"},
        "services.by_sql_of_its_own": {"services.by_sql_of_its_own"},
        "services.gives_a_role": {"services.gives_a_role"},
        "services.Keeper.store": {"services.Keeper.keep"},
        "raw.EMPTY": {"services.by_sql"},
    }


def test_a_second_way_to_a_write_that_audits_nothing_is_found() -> None:
    found = unaudited(services=SERVICES, raw=RAW, views=VIEWS)
    assert found["services.part_of_an_audited_one"] == {"views.view"}
