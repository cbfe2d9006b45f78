#!/usr/bin/env python
"""Countinghouse's command line."""

import os
import sys

from config.start import ensure_database


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    command = sys.argv[1] if len(sys.argv) > 1 else "help"
    # `test` hands over to pytest, which brings up a database server of its own.
    if command not in {"help", "--help", "version", "--version", "test"}:
        ensure_database()

    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
