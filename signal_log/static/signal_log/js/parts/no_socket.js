// Why the page has no websocket, what it does instead, and what to do about it.

/** @type {Record<string, (path: string) => [why: string, remedy: string]>} */
const REASONS = {
  wsgi: () => [
    "this server runs the site under WSGI",
    "For a live page, run an ASGI server such as daphne or uvicorn with the asgi.py of the README.",
  ],
  unrouted: (path) => [
    `the site's asgi.py has no route for ${path}`,
    'It needs a ProtocolTypeRouter whose "websocket" has signal_log.tail.routing.websocket_urlpatterns: ' +
      "the README of signal_log has an asgi.py to paste.",
  ],
  refused: (path) => [
    `something refuses ${path} before it opens`,
    "Most likely a proxy does not pass on upgrades, or ALLOWED_HOSTS does not name the origin of this page.",
  ],
};

/**
 * @param {string} why
 * @param {string} path
 */
export function noSocketWords(why, path) {
  const [reason, remedy] = (REASONS[why] ?? REASONS.refused)(path);
  return `No websocket: ${reason}. This page asks for news every two seconds instead. ${remedy}`;
}
