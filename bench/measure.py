"""``python -m bench.measure NAME…``: measure on the database of ``DATABASE_URL``, a JSON line each.

A process of its own for each database, as Django is set up for one.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from typing import Any

import django

from bench.registry import Capability, all_capabilities


def about(capability: Capability) -> dict[str, Any]:
    return {
        "what": capability.what,
        "target": capability.target,
        "scaled": capability.scaled,
    }


def main() -> None:
    django.setup()
    logging.disable(logging.WARNING)
    from django.test.utils import setup_test_environment

    setup_test_environment(debug=False)
    capabilities = all_capabilities()
    if sys.argv[1:] == ["--list"]:
        print(json.dumps({name: about(one) for name, one in capabilities.items()}))
        return
    for name in sys.argv[1:]:
        try:
            found = capabilities[name].measure().as_json()
        except Exception as error:
            traceback.print_exc()
            found = {"error": f"{type(error).__name__}: {error}".partition("\n")[0]}
        print(json.dumps({"name": name, **found}), flush=True)


if __name__ == "__main__":
    main()
