#!/bin/sh
# Brings up the version that is checked out: migrates, then replaces one web process after the other, so that the site
# answers all the while, and at last what else .env's COMPOSE_PROFILES names. COMPOSE="podman-compose" for another compose.
set -eu
cd "$(dirname "$0")/.."
COMPOSE=${COMPOSE:-docker compose}

sh deploy/secrets.sh  # a new version may need a new one
profiles=${COMPOSE_PROFILES:-$(sed -n 's/^COMPOSE_PROFILES=//p' .env | tail -n 1)}

$COMPOSE build web1
$COMPOSE run --rm --no-deps roles
$COMPOSE run --rm --no-deps migrate
for web in web1 web2; do
    $COMPOSE up -d --no-deps --force-recreate "$web"
    tries=60
    until $COMPOSE exec -T "$web" python -ISs deploy/ask.py http://localhost:8000/readyz; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || { echo "$web is not ready; the other one still runs the version before." >&2; exit 1; }
        sleep 1
    done
    echo "$web is new"
done
# The file in the container is the one of before; the proxy takes the new one without closing anything.
$COMPOSE exec -T proxy caddy reload --config - --adapter caddyfile <deploy/Caddyfile
for service in relay archive witness; do
    case ",$profiles," in
    *",$service,"*) $COMPOSE up -d --no-deps --force-recreate "$service" && echo "$service is new" ;;
    esac
done
