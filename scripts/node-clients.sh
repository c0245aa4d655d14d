#!/usr/bin/env bash
# Install the clients in Node that the tests use, as their lock file has them: node-clients.sh FOLDER STAMP
# Without npm their tests are skipped, so this says so and goes on; in CI it is an error.
set -euo pipefail

folder=$1 stamp=$2

if ! command -v npm > /dev/null; then
    echo "npm is not there: the tests of clients in Node are skipped (install Node 20 or later)" >&2
    [[ ! ${CI:-} =~ ^(1|true|yes)$ ]]
    exit
fi
npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund --loglevel=error
touch "$stamp"
