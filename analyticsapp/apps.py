from django.apps import AppConfig


class AnalyticsConfig(AppConfig):
    name = "analyticsapp"
    verbose_name = "Analytics"

    def ready(self) -> None:
        """Hear of what changes, to mark its days; offer the exports; check the days."""
        from analyticsapp import checks  # noqa: F401
        from analyticsapp.exports import finance, offer, operations, star
        from analyticsapp.services import dirty_days, subscriptions
        from orders import changes as order_changes
        from payments import changes as payment_changes

        payment_changes.on_change(dirty_days.payments_changed)
        payment_changes.on_change(subscriptions.subscriptions_changed)
        order_changes.on_change(dirty_days.orders_changed)
        order_changes.on_recognition(dirty_days.guests_recognized)
        for pack in (finance, operations, star):
            offer(pack.exports)
