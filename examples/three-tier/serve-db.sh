#!/bin/bash
# db-1: MariaDB on 10.0.3.200:3306 with a data directory of its own, small enough to live in memory.
set -euo pipefail
state=${TAPLOOM_STATE_DIR:?a folder of this instance to keep files in}
data=$state/data

options=(
  --no-defaults --user=root --datadir="$data"
  --innodb-buffer-pool-size=32M --innodb-log-file-size=8M
  --innodb-flush-method=fsync --innodb-use-native-aio=0
)
if [[ ! -d $data/mysql ]]; then
  mariadb-install-db "${options[@]}" --auth-root-authentication-method=normal --skip-test-db
fi
# Remote root does not exist; --init-file makes the application's account, for web-1's address only.
exec /usr/sbin/mariadbd "${options[@]}" \
  --socket="$state/mariadb.sock" --pid-file="$state/mariadb.pid" \
  --bind-address=10.0.3.200 --port=3306 --skip-name-resolve \
  --performance-schema=OFF --max-connections=200 --init-file="$PWD/schema.sql"
