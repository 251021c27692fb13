#!/usr/bin/env python
"""Django's command line for the observatory."""

import os
import sys


def main() -> None:
    """Run the command line; invalid settings are reported in one sentence."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "observatory.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"manage.py: {error}")


if __name__ == "__main__":
    main()
