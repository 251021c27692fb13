#!/bin/sh
# Runs a command now and then once a day, until it is stopped; after a failure it tries again, in ten seconds at first
# and in an hour at last. `daily.sh --check`, the health check, fails if it has not succeeded for two days.
# Status 1 is a success with a remark, such as rows that signal_archive leaves out, if the command has said what it did:
# Python ends with 1, too, where it cannot go on, and then nothing is on the standard output.
set -u
succeeded=${TMPDIR:-/tmp}/succeeded
said=${TMPDIR:-/tmp}/said
if [ "$1" = --check ]; then
    [ -n "$(find "$succeeded" -mmin -2880)" ]
    exit
fi
trap 'kill "$running"; wait "$running"; exit 0' TERM INT
pause=10
while :; do
    "$@" > "$said" &
    running=$!
    wait "$running"
    status=$?
    cat "$said"
    if [ "$status" = 0 ] || { [ "$status" = 1 ] && [ -s "$said" ]; }; then
        touch "$succeeded"
        next=86400
        pause=10
        remark="done, but not all of it; tried again in a day"
    else
        next=$pause
        pause=$((pause * 2 > 3600 ? 3600 : pause * 2))
        remark="failed, and is tried again in $next s"
    fi
    sleep "$next" &
    running=$!
    [ "$status" = 0 ] || echo "$*: $remark" >&2
    wait "$running"
done
