"""Health check of a container: exit code 0 when the address answers 200 within three seconds."""

import http.client
import sys
from urllib.parse import urlsplit


def main() -> int:
    """Ask the address given as the only argument."""
    address = urlsplit(sys.argv[1])
    connection = http.client.HTTPConnection(address.hostname or "localhost", address.port, timeout=3)
    try:
        connection.request("GET", address.path)
        return 0 if connection.getresponse().status == http.client.OK else 1
    except OSError:
        return 1


if __name__ == "__main__":
    sys.exit(main())
