"""``/events/?format=``: everything that the filters select, streamed as one file in one of four formats."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Generator
from typing import Any, Final

from django.core.handlers.asgi import ASGIRequest
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseForbidden,
    JsonResponse,
    StreamingHttpResponse,
)

from signal_log import clock
from signal_log.audit.own_events import EXPORTED, tell
from signal_log.capture.model.error_text import error_text, traceback_text
from signal_log.errors import ProofError
from signal_log.permission import EXPORT, may, permission_to
from signal_log.show.export.cloudevents import CloudEvents
from signal_log.show.export.csv import Csv
from signal_log.show.export.jsonl import JsonLines
from signal_log.show.export.lines import Lines
from signal_log.show.export.ocsf import Ocsf
from signal_log.show.export.sending import Sending
from signal_log.show.export.sending_wsgi import sent
from signal_log.show.export.slots import RETRY_AFTER, NoPlace, Slot, take
from signal_log.show.export.whole import WholeExport
from signal_log.show.query.query import Query, parse
from signal_log.store.export import Selection
from signal_log.store.read import as_mapping
from signal_log.tail.guard import CHECK_EVERY, Identity, admit, release_connections, turned_away

logger = logging.getLogger(__name__)

File = Csv | JsonLines | Lines
FORMATS: Final[dict[str, type[File]]] = {"csv": Csv, "jsonl": JsonLines, "cloudevents": CloudEvents, "ocsf": Ocsf}
TITLES: Final = {"csv": "CSV", "jsonl": "JSON Lines", "cloudevents": "CloudEvents", "ocsf": "OCSF"}
"""What people call the formats."""
NOT_ALLOWED: Final = (
    "You may see events, but not take them away: an export needs the permission {permission}. Ask an administrator.\n"
)
UNSAFE_IN_FILE_NAME: Final = re.compile(r"[^A-Za-z0-9.-]+")


class ExportAborted(Exception):
    """The export cannot be completed."""


def answer(request: HttpRequest, own: tuple[str, ...], chosen: str) -> HttpResponseBase:
    """Stream the file, oldest event first; its end marker is written only if nothing is missing.

    It needs a permission of its own, and is an event before its first byte is sent: who has taken what away.
    """
    if not may(request.user, EXPORT):
        return refused()
    query = parse(request.GET, own=own)
    if query.problems:
        return JsonResponse(query.refusal, status=400)
    try:
        slot = take(str(request.user.pk))
    except NoPlace as error:
        return _later(str(error))
    try:
        response = _streamed(request, query, chosen, slot)
    except ProofError as error:
        slot.release()
        return _later(str(error))
    except BaseException:
        slot.release()
        raise
    response._resource_closers.append(slot.release)  # type: ignore[attr-defined]  # where nothing of it is read
    return response


def _later(why: str) -> HttpResponse:
    """The answer while there can be no export."""
    later = {"Retry-After": str(RETRY_AFTER)}
    return HttpResponse(f"{why}\n", status=503, headers=later, content_type="text/plain; charset=utf-8")


def refused() -> HttpResponseForbidden:
    """The answer to somebody who may see events, and not take them away."""
    said = NOT_ALLOWED.format(permission=permission_to(EXPORT))
    return HttpResponseForbidden(said, content_type="text/plain; charset=utf-8")


def _streamed(request: HttpRequest, query: Query, chosen: str, slot: Slot) -> StreamingHttpResponse:
    selection = Selection(query.filters, query.since, query.until, query.after, query.before, query.typed)
    export = WholeExport.begin(selection)
    if request.method != "HEAD":
        tell(EXPORTED, **exported(chosen, export))
    host = request.get_host()
    file = FORMATS[chosen](export.about() | {"site": host, "by": _who(request.user)})
    headers = {
        "Content-Type": file.content_type,
        "Content-Disposition": f'attachment; filename="{_name(host, query, export, file.suffix)}"',
    }
    reader = admit({"user": request.user, "session": getattr(request, "session", None)})
    chunks = (b"" for _ in ()) if request.method == "HEAD" else _written(export, file, _still_allowed(reader), slot)
    # Under ASGI, Django would consume a plain iterator completely before sending the first byte.
    name = f"The export ({file.suffix}) for {file.about['by']['name']}"
    content = Sending(chunks, name) if isinstance(request, ASGIRequest) else sent(chunks, name, slot.release)
    return StreamingHttpResponse(content, headers=headers)


def exported(kind: str, export: WholeExport) -> dict[str, Any]:
    """What the event of an export says: its format, and what was selected up to which event."""
    about = export.about()
    names = ("filters", "since", "until", "after", "before", "archive")
    return {"format": kind, **{name: about[name] for name in names if about.get(name)}, "up_to": about["up_to"]}


def _written(export: WholeExport, file: File, allowed: Callable[[], bool], slot: Slot) -> Generator[bytes]:
    """Yield the file in chunks, releasing the connection in between, because a slow client may take hours."""
    who = file.about["by"]["name"]
    try:
        yield file.begin()
        for page in export.pages():
            if not allowed():
                raise ExportAborted("its reader may no longer export events")
            text = file.add([as_mapping(event) for event in page])
            release_connections()
            yield text
        file.archived = export.archived
        yield file.end()
    except GeneratorExit:
        logger.info("%s disconnected from an export (%s) after %d events.", who, file.suffix, file.number)
        raise
    except Exception as error:
        ours = isinstance(error, (ExportAborted, ProofError))
        why, where = (error, "") if ours else (error_text(error), f"\n{traceback_text(error)}")
        logger.error(
            "The export (%s) for %s failed after %d events: %s. Its file is incomplete and has no end line. Export it "
            "again, or fetch the rest with after= and the id of its last event.%s",
            file.suffix, who, file.number, why, where,
        )  # fmt: skip
        raise
    finally:
        slot.release()
    logger.info("%s exported %d events (%s).", who, file.number, file.suffix)


def _still_allowed(reader: Identity | int) -> Callable[[], bool]:
    """Check every few seconds whether a user may still see events and export them, as for sockets."""
    checked_at = clock.monotonic()

    def allowed() -> bool:
        nonlocal checked_at
        if isinstance(reader, int):
            return False
        if clock.monotonic() - checked_at < CHECK_EVERY:
            return True
        checked_at = clock.monotonic()
        return not turned_away([reader], lambda users: {user.pk for user in users if may(user, EXPORT)})

    return allowed


def _who(user: Any) -> dict[str, str]:
    return {"pk": str(user.pk), "name": user.get_username()}


def _name(host: str, query: Query, export: WholeExport, suffix: str) -> str:
    """A file name from the host, the time range and the names of the filters; their values may identify people."""
    about = export.about()
    parts = [
        "signals",
        host.partition(":")[0],
        f"from-{_moment(about['since'])}" if query.since else "",
        f"to-{_moment(about['until'] or about['at'])}",
        *sorted(query.filters.asked),
    ]
    return "_".join(UNSAFE_IN_FILE_NAME.sub("-", part) for part in parts if part) + f".{suffix}"


def _moment(text: str) -> str:
    return text[:19].replace(":", "") + "Z"
