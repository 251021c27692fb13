"""The ASGI application: HTTP through Django, websockets through signal_log behind origin and session checks."""

import gc
import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "observatory.settings")
http = get_asgi_application()

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402  Django must be set up before models are imported
from django.conf import settings  # noqa: E402

from observatory.body_limit import limited  # noqa: E402
from observatory.draining import drain_before_stopping  # noqa: E402
from observatory.logs import mask_access_log  # noqa: E402
from signal_log.show.paced import paced  # noqa: E402
from signal_log.tail.origin import same_origin  # noqa: E402
from signal_log.tail.routing import websocket_urlpatterns  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": paced(limited(http, largest=settings.MAX_BODY_BYTES, seconds=settings.MAX_BODY_SECONDS)),
        "websocket": same_origin(URLRouter(websocket_urlpatterns)),
    }
)

mask_access_log()
drain_before_stopping()

# Exclude everything loaded so far from garbage collection: with 500 live pages open, each full collection would
# otherwise stall them all for a tenth of a second (docs/live-performance.md).
gc.collect()
gc.freeze()
