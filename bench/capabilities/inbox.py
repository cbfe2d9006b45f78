"""Stripe's events: accepted by HTTP, processed, proved."""
