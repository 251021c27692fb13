"""Container health check: exits with 0 if the URL returns 200, or the status named after it, within three seconds.

It runs every few seconds, so it imports nothing but sockets.
"""

import socket
import sys


def main() -> int:
    """Request the URL given as the first argument, in the form http://host:port/path."""
    address, _, path = sys.argv[1].removeprefix("http://").partition("/")
    host, _, port = address.partition(":")
    status = sys.argv[2] if len(sys.argv) > 2 else "200"
    try:
        with socket.create_connection((host, int(port)), timeout=3) as connection:
            connection.sendall(f"GET /{path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n".encode())
            return 0 if connection.recv(4096).startswith(f"HTTP/1.1 {status} ".encode()) else 1
    except OSError:
        return 1


if __name__ == "__main__":
    sys.exit(main())
