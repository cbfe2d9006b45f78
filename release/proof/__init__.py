"""The evidence package: what a buyer can look at, made by one command and held to its index."""
