"""Taking an export or a pack: who may, and what the audit log says of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.contrib.auth.models import AnonymousUser, User

from analyticsapp.exports.bundle import Archive, Bundle, Folder
from analyticsapp.exports.contract import schema_version
from analyticsapp.exports.export import Export, Pack
from analyticsapp.exports.registry import PACKS, PERSONAL
from analyticsapp.exports.scope import Scope
from auditlog.exports import Download

SUBJECT = "analytics"


def packs_of(user: User | AnonymousUser) -> list[Pack]:
    """The packs that the user may take."""
    return [pack for pack in PACKS.values() if user.has_perm(pack.permission)]


def may_take(user: User | AnonymousUser, pack: Pack, scope: Scope) -> bool:
    """Whether the user may take the pack, or an export of it, in this scope."""
    return user.has_perm(pack.permission) and (not scope.personal or user.has_perm(PERSONAL))


def take(export: Export, scope: Scope) -> Download:
    """An export as CSV, audited as ``analytics.exported``."""
    return Download(SUBJECT, export.file(scope), about(export.pack, scope, export=export.name))


def take_pack(pack: Pack, scope: Scope) -> Download:
    """A pack as a zip."""
    return Download(SUBJECT, Archive(Bundle(pack, scope)), about(pack, scope, form="zip"))


def take_files(pack: Pack, scope: Scope, folder: Path) -> Download:
    """A pack as files of a folder; they are written while the download is read."""
    return Download(SUBJECT, Folder(Bundle(pack, scope), folder), about(pack, scope, form="files"))


def about(pack: Pack, scope: Scope, **more: str) -> dict[str, Any]:
    return {
        "pack": pack.name,
        **more,
        **scope.described(),
        "schema_version": schema_version(),
    }
