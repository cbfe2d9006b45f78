"""What can be done about an issue from its page, by area. Every module here registers its own.

They bring forms along, so the admin alone imports them.
"""

from importlib import import_module
from pkgutil import iter_modules

for module in iter_modules(__path__):
    import_module(f"{__name__}.{module.name}")
