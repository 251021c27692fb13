#!/bin/sh
# Runs a command, psql with roles.sql, with the passwords that it needs, from the files of docker-compose.yml's secrets.
set -eu
PGPASSWORD=$(cat /run/secrets/postgres_password)
OWNER_PASSWORD=$(cat /run/secrets/owner_password)
APP_PASSWORD=$(cat /run/secrets/app_password)
export PGPASSWORD OWNER_PASSWORD APP_PASSWORD
exec "$@"
