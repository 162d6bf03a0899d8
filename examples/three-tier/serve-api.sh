#!/bin/bash
# api.example.com: a service somewhere on the internet, which tells every caller the address it came from.
set -euo pipefail
exec /usr/bin/python3 -B "$PWD/api.py" --port 80
