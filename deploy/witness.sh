#!/bin/sh
# Has the site and its own witness (profile `witness`) trust each other. It prints the line for .env that names the
# witness: sh deploy/witness.sh >>.env && sh deploy/upgrade.sh. COMPOSE="podman-compose" for another compose.
set -eu
cd "$(dirname "$0")/.."
COMPOSE=${COMPOSE:-docker compose}

log=$($COMPOSE exec -T web1 python manage.py signal_seal vkey | head -n 1)
[ -n "$log" ] || { echo "web1 has not told what verifies its log." >&2; exit 1; }
$COMPOSE exec -T witness python manage.py signal_witness trust "$log" >&2
witness=$($COMPOSE exec -T witness python manage.py signal_witness list --key /witness/key | sed -n '1s/ .*//p')
[ -n "$witness" ] || { echo "The witness has not told what verifies its signatures." >&2; exit 1; }
printf "WITNESSES='[{\"url\": \"http://witness:8765\", \"vkey\": \"%s\"}]'\n" "$witness"
