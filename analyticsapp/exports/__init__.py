"""Exports: each told once, as CSV or in packs."""

from analyticsapp.exports.export import Export, Pack, Totals
from analyticsapp.exports.registry import PACKS, PERSONAL, all_exports, exports_of, offer
from analyticsapp.exports.scope import Scope

__all__ = [
    "PACKS",
    "PERSONAL",
    "Export",
    "Pack",
    "Scope",
    "Totals",
    "all_exports",
    "exports_of",
    "offer",
]
