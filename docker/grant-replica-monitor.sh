#!/usr/bin/env bash
# Runs once on the primary, after its database was made: the application's user may see how replicas replicate. The grant reaches
# them with everything else.
set -euo pipefail

mariadb --protocol=socket --user=root --password="$MARIADB_ROOT_PASSWORD" \
  --execute="GRANT REPLICA MONITOR ON *.* TO '$MARIADB_USER'@'%'"
