"""Questions that people often ask of the log, as queries that live page and history offer; times stay relative."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from signal_log.conf import conf
from signal_log.show.links import with_query


@dataclass(frozen=True, slots=True)
class Preset:
    """A question with its query."""

    name: str
    query: str

    def link(self, path: str) -> str:
        """The page with this query."""
        return with_query(path, {"q": [self.query]})


FAILED: Final = Preset("Failed in the last minute", "outcome:failed since:now-1m")
PRESETS: Final = (
    FAILED,
    Preset("Rolled back in the last hour", "outcome:rolled_back since:now-1h"),
    Preset("Deleted in the last day", "signal:post_delete since:now-1d"),
    Preset("Changes of staff and rights", "is_staff:true OR is_superuser:true OR groups: OR user_permissions:"),
    Preset("Lost updates", "overwrote:true"),
)
SLOW: Final = Preset("Slower than 100 ms", "took:>100ms")


def presets(user: Any) -> list[Preset]:
    """Those that this log can answer, and what this account did."""
    mine = [Preset("By me", f'actor_pk:"{user.pk}"')] if user.is_authenticated else []
    return [*PRESETS[:3], *mine, *PRESETS[3:], *([SLOW] if conf.TRACES else [])]
