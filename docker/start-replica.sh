#!/usr/bin/env bash
# Runs as the user postgres in a replica's container. At the first start, and after `docker compose down`, the replica is a new
# copy of the primary; after a restart it goes on from where it was.
set -euo pipefail

if [[ ! -s $PGDATA/PG_VERSION ]]; then
  # A copy that was interrupted is worth nothing.
  rm -rf "$PGDATA"
  mkdir -p "$PGDATA"
  chmod 700 "$PGDATA"
  PGPASSWORD=$REPLICATION_PASSWORD pg_basebackup \
    --dbname="host=primary port=5432 user=replicator application_name=$REPLICA_NAME" \
    --pgdata="$PGDATA" --wal-method=stream --checkpoint=fast --write-recovery-conf
fi

exec postgres -c listen_addresses='*' -c cluster_name="$REPLICA_NAME" -c hot_standby=on
