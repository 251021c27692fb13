#!/bin/sh
# The whole life of a log, each step of it verified: converted into partitions, archived, pruned, dumped, and restored
# into another database, where it verifies and goes on. It ends at the first step that does not succeed.
#
# Run it in your project's folder against a copy of your database, not the one in use: it prunes.
#   DATABASE_URL=postgres://…/site COPY_URL=postgres://…/site_again ARCHIVE=/srv/archive sh docs/archive/whole-life.sh
# The project reads DATABASE_URL; the database of COPY_URL is empty. Both are of a role that owns its tables.
set -eu
: "${DATABASE_URL:?where the log is}" "${COPY_URL:?an empty database to restore it into}" "${ARCHIVE:?a folder, or s3://…}"
manage="${MANAGE:-python manage.py}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

step() {
    echo "== $*"
    "$@"
}

# Partitions, while others may write.
step $manage signal_partition convert --rows "${ROWS:-5000000}"
step $manage signal_partition ahead
step $manage signal_partition list

# Sealed, then copied out of the database, and compared.
step $manage signal_seal
step $manage signal_archive "$ARCHIVE" --all
step $manage signal_verify --archive "$ARCHIVE"

# Only what the archive holds goes from the table; what is left and what went still is what was sealed.
step $manage signal_prune --keep-days "${KEEP_DAYS:-365}" --archive "$ARCHIVE"
step $manage signal_seal
step $manage signal_verify --archive "$ARCHIVE"

# The database as a whole, elsewhere.
echo "== dump and restore"
pg_dump --format=custom --file="$work/log.dump" "$DATABASE_URL"
pg_restore --exit-on-error --dbname="$COPY_URL" "$work/log.dump"
DATABASE_URL=$COPY_URL
export DATABASE_URL
step $manage check --database default
step $manage signal_partition list
step $manage signal_verify --archive "$ARCHIVE"

# It goes on there: what is recorded from now on is sealed after what was restored.
step $manage signal_partition ahead
step $manage signal_archive "$ARCHIVE" --all
step $manage signal_seal
step $manage signal_verify --archive "$ARCHIVE"
echo "== done: the restored log is intact, and goes on"
