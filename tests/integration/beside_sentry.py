"""A host with sentry-sdk's default integrations: saves with and without receivers, and prints what was recorded."""

import json
from functools import partial

import sentry_sdk
from sentry_sdk.transport import Transport

sent = []


class Kept(Transport):
    """Keeps what Sentry would send."""

    def capture_envelope(self, envelope):
        sent.extend(item.payload.json for item in envelope.items if item.type == "transaction")


sentry_sdk.init("http://key@sentry.invalid/1", transport=Kept, traces_sample_rate=1.0)

import django  # noqa: E402  as in a host's settings, Sentry comes first

django.setup()

from django.db.models.signals import post_save, pre_save  # noqa: E402

from signal_log.capture.signals import dispatch  # noqa: E402
from signal_log.models import SignalEvent  # noqa: E402
from tests.shop.models import Category, Label  # noqa: E402


def saved(instance, **_):
    Label.objects.create(text=instance.name)


class Shop:
    def saved(self, **_): ...


def partially(*args, **_): ...


shop = Shop()
post_save.connect(saved, sender=Category)
post_save.connect(shop.saved, sender=Category)
post_save.connect(partial(partially, 1), sender=Category, weak=False)
pre_save.connect(shop.saved, sender=Category)

calls = {"shop.Label": 0, "shop.Category": 0}


def counted(without_secrets, **named):
    """Stand in for the mask of receivers' errors, the first thing that is made where there are receivers."""
    calls[without_secrets.__self__.label] += 1
    return partial(without_secrets, **named)


dispatch.partial = counted
last = SignalEvent.objects.order_by("-id").values_list("id", flat=True).first() or 0
with sentry_sdk.start_transaction(name="a request"):
    Category.objects.create(name="beside sentry")
sentry_sdk.flush()

events = SignalEvent.objects.filter(id__gt=last)
print(
    json.dumps(
        {
            "listed": [r["receiver"] for r in events.get(sender="shop.Category", signal="post_save").receivers],
            "caused_by": sorted({e.caused_by for e in events.filter(sender="shop.Label")}),
            "calls": calls,
            "spans": [span["description"] for each in sent for span in each["spans"] if span["op"] == "event.django"],
        }
    )
)
