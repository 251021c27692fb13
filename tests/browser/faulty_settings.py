"""The project's settings with the faulty shop: its receivers are connected, and its acts have addresses."""

from django.apps import AppConfig

from tests.browser.settings import *  # noqa: F403
from tests.browser.settings import INSTALLED_APPS, SIGNAL_LOG


class FaultyShop(AppConfig):
    """Connects the receivers with the faults."""

    name = "tests.browser.faulty_settings"
    label = "faulty_shop"

    def ready(self) -> None:
        """Open the shop."""
        from tests.faulty import connect

        connect()


INSTALLED_APPS = [*INSTALLED_APPS, "tests.shop", "tests.browser.faulty_settings.FaultyShop"]
SIGNAL_LOG = {**SIGNAL_LOG, "MODELS": [*SIGNAL_LOG["MODELS"], "shop.*"], "EXCLUDE": ["shop.Note"]}
ROOT_URLCONF = "tests.faulty_site"
