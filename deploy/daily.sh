#!/bin/sh
# Runs a command now and then once a day, until it is stopped; after a failure it tries again, in ten seconds at first
# and in an hour at last. `daily.sh --check`, the health check, fails if it has not succeeded for two days.
set -u
succeeded=${TMPDIR:-/tmp}/succeeded
if [ "$1" = --check ]; then
    [ -n "$(find "$succeeded" -mmin -2880)" ]
    exit
fi
trap 'kill "$running"; wait "$running"; exit 0' TERM INT
pause=10
while :; do
    "$@" &
    running=$!
    if wait "$running"; then
        touch "$succeeded"
        pause=10
        sleep 86400 &
    else
        echo "$*: failed, and is tried again in $pause s" >&2
        sleep "$pause" &
        pause=$((pause * 2 > 3600 ? 3600 : pause * 2))
    fi
    running=$!
    wait "$running"
done
