"""Daily snapshots: what pages read, so that none computes from orders."""

from analyticsapp.models.exports import ExportPermission
from analyticsapp.models.sales import DaySnapshot, ProductDay, WindowDay
from analyticsapp.models.settlement import BridgeDay, DisputeDay, FeeDay, SettlementDay
from analyticsapp.models.state import DirtyDay, DirtySubscriber, SnapshotState
from analyticsapp.models.subscriptions import (
    CohortMonth,
    MrrMovement,
    SubscriptionDay,
    SubscriptionSpan,
)

__all__ = [
    "BridgeDay",
    "CohortMonth",
    "DaySnapshot",
    "DirtyDay",
    "DirtySubscriber",
    "DisputeDay",
    "ExportPermission",
    "FeeDay",
    "MrrMovement",
    "ProductDay",
    "SettlementDay",
    "SnapshotState",
    "SubscriptionDay",
    "SubscriptionSpan",
    "WindowDay",
]
