"""The roles as data: which of Django's permissions each one has. Groups are kept to match.

``manage.py migrate`` makes the groups and gives them exactly these permissions, so what was
clicked together by hand doesn't outlive a deployment. A person has the rights of all their roles.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from django.apps import apps as global_apps
from django.apps.registry import Apps
from django.contrib.auth.models import Group, Permission
from django.db import transaction

from auditlog.context import acting_as, job
from auditlog.services import record

OUR_APPS = ("auditlog", "payments", "orders", "analyticsapp", "monitoring")


@dataclass(frozen=True)
class Role:
    """A role: its name, what its people do, and what they may do it with.

    A permission is ``app.action_model``; ``app.view_*`` stands for every permission of the app
    that begins so, ``app.*`` for all of them.
    """

    name: str
    purpose: str
    permissions: tuple[str, ...]

    def may(self, permission: str) -> bool:
        """Whether the role has the permission ``app.action_model``."""
        return any(fnmatchcase(permission, spec) for spec in self.permissions)


DASHBOARDS = ("analyticsapp.view_daysnapshot", "analyticsapp.view_snapshotstate")
MIRROR = tuple(
    f"payments.view_{model}"
    for model in (
        "customer",
        "product",
        "price",
        "coupon",
        "paymentintent",
        "charge",
        "refund",
        "refundrequest",
        "dispute",
        "balancereading",
        "balancetransaction",
        "payout",
        "checkoutsession",
        "subscription",
        "invoice",
        "invoicepayment",
        "webhookendpoint",
    )
)
ORDERS = ("orders.view_*",)
ISSUES = ("monitoring.view_*",)

ROLES = (
    Role(
        "executive",
        "Reads how the business is doing.",
        DASHBOARDS,
    ),
    Role(
        "analyst",
        "Reads how the business is doing, and works with its figures.",
        (*DASHBOARDS, "analyticsapp.export_bi"),
    ),
    Role(
        "operator",
        "Runs the day: orders, refunds, stock, issues, events that need a hand.",
        (
            *MIRROR,
            *ORDERS,
            *ISSUES,
            "orders.add_order",
            "orders.change_order",
            "orders.refund_order",
            "payments.settle_refundrequest",
            "orders.export_order",
            "analyticsapp.export_operations",
            "analyticsapp.export_personal_data",
            "orders.add_product",
            "orders.change_product",
            "monitoring.change_issue",
            "monitoring.add_checkrun",
            "payments.view_stripeevent",
            "payments.replay_stripeevent",
            "payments.view_readrequest",
        ),
    ),
    Role(
        "finance",
        "Follows the money: dashboards, and every movement that Stripe reports.",
        (
            *DASHBOARDS,
            *MIRROR,
            *ORDERS,
            *ISSUES,
            "orders.export_order",
            "analyticsapp.export_finance",
            "analyticsapp.export_bi",
        ),
    ),
    Role(
        "auditor",
        "Sees everything, the audit log included, and changes nothing.",
        (
            *(f"{app}.view_*" for app in OUR_APPS),
            "auth.view_user",
            "auth.view_group",
            "auditlog.export_auditevent",
        ),
    ),
    Role(
        "administrator",
        "Does everything, and says who may do what.",
        (
            *(f"{app}.*" for app in OUR_APPS),
            "auth.view_user",
            "auth.add_user",
            "auth.change_user",
            "auth.view_group",
        ),
    ),
)
BY_NAME = {role.name: role for role in ROLES}


def permissions_of(role: Role, known: Iterable[Permission]) -> set[Permission]:
    """Those of the ``known`` permissions that the role has."""
    return {
        permission
        for permission in known
        if role.may(f"{permission.content_type.app_label}.{permission.codename}")
    }


@transaction.atomic
def keep_groups(**kwargs: Any) -> None:
    """Make the roles' groups and give them exactly their permissions. Idempotent.

    Groups that aren't roles are left alone.
    """
    known = list(
        Permission.objects.select_related("content_type").filter(
            content_type__app_label__in=(*OUR_APPS, "auth")
        )
    )
    for role in ROLES:
        group, _ = Group.objects.get_or_create(name=role.name)
        before, wanted = (
            set(group.permissions.select_related("content_type")),
            permissions_of(role, known),
        )
        if wanted != before:
            group.permissions.set(wanted)
            record(
                "role.permissions",
                group,
                before={"permissions": names(before)},
                after={"permissions": names(wanted)},
            )


def names(permissions: Iterable[Permission]) -> list[str]:
    """The permissions as ``app.action_model``."""
    return sorted(f"{one.content_type.app_label}.{one.codename}" for one in permissions)


def keep_groups_after_migrate(sender: Any, apps: Apps = global_apps, **kwargs: Any) -> None:
    """Run once every app's permissions are there: they are made app by app.

    ``apps`` holds the models that are migrated. ``migrate`` of a single app may leave out those of
    groups, or of the audit log; there is nothing to keep then.
    """
    last = [config for config in global_apps.get_app_configs() if config.models_module][-1]
    there = "group" in apps.all_models["auth"] and "auditevent" in apps.all_models["auditlog"]
    if sender.label == last.label and there:
        with acting_as(job("migrate")):
            keep_groups()
