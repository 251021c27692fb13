"""The project's settings with a cheap password hasher, and with static files that browsers keep.

Nearly every test logs somebody in, and opens a page of a hundred files more than once: asking for each again, as a
developer's browser does, takes more than half of the time. Installed, files have hashed names, and are kept as well.
"""

from observatory.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
WHITENOISE_MAX_AGE = 3600
