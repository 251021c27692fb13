#!/usr/bin/env python
"""Django's command line for the observatory."""

import os
import sys


def main() -> None:
    """Run the command line; invalid settings and a database that does not answer are reported in one sentence."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "observatory.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line
    from django.db import OperationalError, connection

    from observatory import database

    problem = ""
    try:
        problem = database.hurry(connection)
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"manage.py: {error}")
    except OperationalError:
        problem = problem or database.problem(connection)
        if not problem:
            raise
        sys.exit(f"manage.py: {problem}")


if __name__ == "__main__":
    main()
