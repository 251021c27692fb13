"""The project's settings with a cheap password hasher, because nearly every test logs somebody in."""

from observatory.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
