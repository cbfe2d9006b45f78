"""The demo: a shop with a past, made at the stand-in for Stripe, and the processes that show it."""
