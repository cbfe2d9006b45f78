"""The operator's pages: orders, the catalogue, buyers. They show; what changes goes by services."""

from orders.admin import catalogue, customers, orders

__all__ = ["catalogue", "customers", "orders"]
