#!/usr/bin/env python
"""Countinghouse's command line."""

import os
import sys

from config.start import ensure_database


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    command = sys.argv[1] if len(sys.argv) > 1 else "help"
    # `test` hands over to pytest, which brings up a database server of its own.
    if command == "test":
        os.environ.setdefault("COUNTINGHOUSE_ENV", "test")
    elif command not in {"help", "--help", "version", "--version"}:
        ensure_database()

    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:  # its message names the setting: one line is enough
        if "--traceback" in sys.argv:
            raise
        sys.exit(str(error))


if __name__ == "__main__":
    main()
