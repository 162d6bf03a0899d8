#!/bin/bash
# web-1: Nginx on port 80 before the application on localhost:8080. Ends when either of them does.
set -euo pipefail
state=${TAPLOOM_STATE_DIR:?a folder of this instance to keep files in}
here=$PWD

trap 'kill $(jobs -p) 2>/dev/null || true' EXIT
trap 'exit 143' TERM INT

/usr/bin/python3 -B "$here/was.py" --listen 127.0.0.1:8080 --database 10.0.3.200:3306 &
/usr/sbin/nginx -p "$state/" -c "$here/nginx.conf" -e stderr &
wait -n
