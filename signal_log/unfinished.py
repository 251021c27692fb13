"""Whether a statement of the host's is still under way on a connection to SQLite, so that nothing can be committed."""

from __future__ import annotations

import sqlite3
from typing import Any, Final

_PROBE: Final = "signal_log_probe"


def has_unfinished_write(raw: Any) -> bool:
    """Whether a statement that writes has rows left to give, on a driver's connection that is in no transaction.

    Without a transaction, what is written meanwhile is committed when that statement ends. A COMMIT would fail, and a
    ROLLBACK would undo the statement. The driver does not tell, but SQLite refuses a savepoint then.
    """
    try:
        raw.execute(f"SAVEPOINT {_PROBE}")
        raw.execute(f"RELEASE {_PROBE}")
    except sqlite3.OperationalError as error:
        return is_refusal(error)
    except BaseException:  # an interruption
        if raw.in_transaction:
            raw.execute(f"RELEASE {_PROBE}")
        raise
    return False


def is_refusal(error: BaseException) -> bool:
    """Whether this is how SQLite refuses a savepoint then."""
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY
