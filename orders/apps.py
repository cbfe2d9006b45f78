from importlib import import_module

from django.apps import AppConfig


class OrdersConfig(AppConfig):
    name = "orders"
    verbose_name = "Orders"

    def ready(self) -> None:
        """Hear of what changes at Stripe, and tell what happened to orders."""
        import_module("orders.happenings")
        from orders.services.settlement import settle
        from payments.changes import on_change

        on_change(settle)
