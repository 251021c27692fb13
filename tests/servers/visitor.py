"""A visitor without JavaScript who keeps cookies, fills in forms, and opens the websocket with the same session."""

import http.cookiejar
import re
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from tests.socket_client import SocketClient

TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


class Visitor:
    """One browser session at one address, for example `http://localhost:8000`."""

    def __init__(self, site: str, headers: dict[str, str] | None = None) -> None:
        self.site = site
        self.cookies = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))
        self._opener.addheaders = list((headers or {}).items())

    def get(self, path: str) -> str:
        """Return the page at the path, after redirects; an error status raises."""
        with self._opener.open(self.site + path, timeout=15) as answer:
            return str(answer.read().decode())

    def submit(self, path: str, **fields: str) -> str:
        """Open the form at the path, fill it in, send it, and return the page that follows."""
        found = TOKEN.search(self.get(path))
        assert found, f"no form at {path}"
        data = urllib.parse.urlencode({"csrfmiddlewaretoken": found[1], **fields}).encode()
        request = urllib.request.Request(self.site + path, data, {"Referer": self.site + path})  # noqa: S310
        with self._opener.open(request, timeout=15) as answer:
            return str(answer.read().decode())

    def log_in(self, username: str, password: str) -> None:
        """Log in; a refusal is an error."""
        self.submit("/accounts/login/", username=username, password=password)
        assert any(cookie.name == "sessionid" for cookie in self.cookies), f"{username} could not log in"

    def register(self, username: str) -> None:
        """Create an account with a good password; a refusal is an error."""
        password = f"long enough for {username}"
        page = self.submit(
            "/accounts/register/",
            username=username,
            first_name=username.title(),
            email=f"{username}@example.org",
            password1=password,
            password2=password,
        )
        assert 'class="errorlist' not in page, page

    @contextmanager
    def listen(self, after: str | None = None, backfill: int = 0, **filters: str) -> Iterator[SocketClient]:
        """Open the live websocket with this visitor's session and subscribe; it is closed after the block."""
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.cookies)
        with SocketClient(self.site, cookies) as client:
            client.subscribe(after, backfill, **filters)
            yield client
