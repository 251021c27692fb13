"""Field types of the log's own tables."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.timezone import is_aware

if TYPE_CHECKING:  # at run time the classes take no parameters
    DateTimeField = models.DateTimeField[datetime, datetime]
    JSONField = models.JSONField[Any, Any]
    PositiveIntegerField = models.PositiveIntegerField[Any, Any]
    BigAutoField = models.BigAutoField[int, int]
else:
    DateTimeField = models.DateTimeField
    JSONField = models.JSONField
    PositiveIntegerField = models.PositiveIntegerField
    BigAutoField = models.BigAutoField


class Moment(DateTimeField):
    """A datetime stored exactly, and read as aware, even with ``USE_TZ = False``."""

    def deconstruct(self) -> Any:
        """Appear as Django's ``DateTimeField`` in migrations, since the column is the same."""
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.DateTimeField", args, kwargs

    def value_from_object(self, obj: models.Model) -> Any:
        """As text, for serializers: of a datetime Django's JSON encoder drops the last three decimals."""
        value = super().value_from_object(obj)
        return value.isoformat() if isinstance(value, datetime) else value

    def value_to_string(self, obj: models.Model) -> str:
        """The same."""
        return self.value_from_object(obj) or ""

    def from_db_value(self, value: datetime | None, _: Any, connection: BaseDatabaseWrapper) -> datetime | None:
        """Make naive values aware: SQLite stores UTC; PostgreSQL returns the connection's time zone."""
        if value is None or is_aware(value):
            return value
        return value.replace(tzinfo=UTC if connection.vendor == "sqlite" else ZoneInfo(connection.timezone_name))

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        """The inverse; naive values are in the project's time zone."""
        value = value if prepared else self.get_prep_value(value)
        if isinstance(value, datetime) and connection.vendor == "sqlite" and not settings.USE_TZ:
            value = value.astimezone(UTC).replace(tzinfo=None)
        return super().get_db_prep_value(value, connection, prepared=True)


# The classes below make a column of the same type as Django's own, without what costs each append time on SQLite and
# guards against nothing there: only the recorder writes the log, and its digest covers every value.


class BareId(BigAutoField):
    """Without AUTOINCREMENT, which updates a second table at every INSERT, so that no id is ever used twice.

    Here none is, because the log is append-only and its newest row always stays; ``flush`` renews ``LogIdentity``.
    """

    def db_type_suffix(self, connection: BaseDatabaseWrapper) -> str | None:
        return None if connection.vendor == "sqlite" else super().db_type_suffix(connection)


class BareInteger(PositiveIntegerField):
    """Without ``CHECK (column >= 0)`` on SQLite."""

    def db_check(self, connection: BaseDatabaseWrapper) -> str | None:
        return None if connection.vendor == "sqlite" else super().db_check(connection)


class BareJSON(JSONField):
    """Without ``CHECK (JSON_VALID(column))`` on SQLite."""

    def db_check(self, connection: BaseDatabaseWrapper) -> str | None:
        return None if connection.vendor == "sqlite" else super().db_check(connection)
