#!/bin/sh
# What the entrypoint of Valkey's image does.
set -e
if [ "$1" = valkey-server ] && [ "$(id -u)" = 0 ]; then
    find . \! -user valkey -exec chown valkey '{}' +
    exec setpriv --reuid=valkey --regid=valkey --clear-groups -- "$0" "$@"
fi
[ "$1" != valkey-server ] || set -- "$@" --protected-mode no
exec "$@"
