"""Creates the people of the benchmark in its database, and prints the cookie of one who may see events."""

from __future__ import annotations

import os

import django


def main() -> None:
    """Create accounts to be saved, and an observer who is logged in."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "observatory.settings")
    django.setup()
    from django.conf import settings
    from django.contrib.auth.models import User

    from tests.tail import log_in, make_observer

    for number in range(100):
        User.objects.create(username=f"person{number}", email=f"person{number}@example.org", password="!")
    print(f"{settings.SESSION_COOKIE_NAME}={log_in(make_observer()).session_key}")


if __name__ == "__main__":
    main()
