#!/usr/bin/env bash
# Makes an environment beside the main one from locked requirements: side-env.sh PYTHON VENV REQUIREMENTS...
#
# The locks name every package, so pip has nothing to resolve.
set -euo pipefail

python=$1
venv=$2
shift 2

"$python" -m venv --clear "$venv"
log=$venv/setup.log
for requirements in "$@"; do
    if ! "$venv/bin/python" -m pip install --disable-pip-version-check --progress-bar off --no-deps \
        --require-hashes --requirement "$requirements" > "$log" 2>&1; then
        tail -n 20 "$log" >&2
        echo "error: pip failed; all it said is in $log" >&2
        exit 1
    fi
done
