"""The project's settings, with passwords that are checked at no cost: nearly every test logs somebody in."""

from observatory.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
