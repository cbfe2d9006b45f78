"""Catalogue with stock, and orders with their state machine."""

from orders.models.buyers import Customer
from orders.models.catalogue import Product
from orders.models.history import OrderNote, OrderTransition
from orders.models.orders import Order, OrderLine, OrderPayment, WaitingPayment
from orders.models.returns import RefundedLine

__all__ = [
    "Customer",
    "Order",
    "OrderLine",
    "OrderNote",
    "OrderPayment",
    "OrderTransition",
    "Product",
    "RefundedLine",
    "WaitingPayment",
]
