#!/bin/sh
# Makes the secrets of docker-compose.yml, each in a file of deploy/secrets/, and changes none that is there.
# Passwords are random, unless an older .env still has them. Only you can enter the folder; the files themselves can be
# read by everybody, because in the containers they belong to no user of theirs.
set -eu
cd "$(dirname "$0")/.."
umask 077
mkdir -p deploy/secrets
chmod 700 deploy/secrets

in_env() {
    [ ! -f .env ] || sed -n "s/^$1=//p" .env | tail -n 1 | tr -d "\"'\r"
}

random() {
    od -An -N32 -tx1 /dev/urandom | tr -d ' \n'
}

keep() { # file, variable of an older .env, value without one
    file=deploy/secrets/$1
    [ ! -e "$file" ] || return 0
    value=${2:+$(in_env "$2")}
    printf '%s\n' "${value:-$3}" >"$file"
    chmod 644 "$file"
    echo "made $file${value:+ from $2 in .env}"
}

keep secret_key SECRET_KEY "$(random)"
keep postgres_password POSTGRES_PASSWORD "$(random)"
keep owner_password OWNER_PASSWORD "$(random)"
keep app_password APP_PASSWORD "$(random)"
keep email_url EMAIL_URL smtp://mail:1025
keep metrics_token METRICS_TOKEN "$(random)"
# Alerts, other logs and relays, with addresses that only few should know, are JSON; without one the files are empty.
keep alerts "" ""
keep logs "" ""
# The keys of S3-compatible storage for the archive, as docs/deploy.md shows; empty where it is a folder.
keep archive_keys "" ""
case ",${COMPOSE_PROFILES:-$(in_env COMPOSE_PROFILES)}," in
*,relay,*)
    # Something to try: the relay's own file. docs/relay.md says what else there is.
    grep -q . deploy/secrets/relays 2>/dev/null || rm -f deploy/secrets/relays
    keep relays "" '{"try": {"sink": "file", "url": "/relay/signals.jsonl"}}'
    ;;
*) keep relays "" "" ;;
esac
