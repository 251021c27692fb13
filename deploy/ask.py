"""Container health check: exits with 0 if the URL returns 200 within three seconds."""

import http.client
import sys
from urllib.parse import urlsplit


def main() -> int:
    """Request the URL given as the only argument."""
    address = urlsplit(sys.argv[1])
    connection = http.client.HTTPConnection(address.hostname or "localhost", address.port, timeout=3)
    try:
        connection.request("GET", address.path)
        return 0 if connection.getresponse().status == http.client.OK else 1
    except OSError:
        return 1


if __name__ == "__main__":
    sys.exit(main())
