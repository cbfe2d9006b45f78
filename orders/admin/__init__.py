"""The operator's pages: orders, the catalogue, buyers. They show; what changes goes by services."""

from orders.admin import beside_payments, catalogue, customers, orders

__all__ = ["beside_payments", "catalogue", "customers", "orders"]
