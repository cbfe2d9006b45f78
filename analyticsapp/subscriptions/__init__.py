"""Recurring revenue: what each subscription brought in a month, since when, and what moved it."""
