"""What is claimed of the product, and whether code, tests and documents bear it out.

The claims are in ``docs/acceptance.toml``; what is said of them elsewhere is made from there.
"""
