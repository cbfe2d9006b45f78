"""The bridge: from net sales in the customers' currencies to what Stripe settled and paid out."""
