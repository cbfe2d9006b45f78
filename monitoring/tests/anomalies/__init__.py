"""For each check something that breaks its rule, how it is mended, and how it breaks again.

``ANOMALIES`` holds those of all modules here, by the check's name; a new module is found by itself.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from monitoring.tests.anomalies.anomaly import Anomaly

ANOMALIES: dict[str, Anomaly] = {}
for _module in iter_modules(__path__):
    ANOMALIES |= getattr(import_module(f"{__name__}.{_module.name}"), "ANOMALIES", {})
