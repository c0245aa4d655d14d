#!/usr/bin/env bash
# Makes a virtual environment with the locked dependencies and this project: setup.sh VENV
set -euo pipefail

venv=$1

is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null; }

find_python() {
    for candidate in ${PYTHON:-} python3.11 python3 python3.12 python3.13 python3.14; do
        if command -v "$candidate" > /dev/null && is_new_enough "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    echo 'error: Tidegate needs Python 3.11 or later. Install it, or name it: make setup PYTHON=/path/to/python3.11' >&2
    exit 2
}

if ! [ -x "$venv/bin/python" ] || ! is_new_enough "$venv/bin/python"; then
    python=$(find_python)
    echo "==> $venv with $("$python" --version)"
    "$python" -m venv --clear "$venv"
fi

export PIP_DISABLE_PIP_VERSION_CHECK=1
progress=(--quiet)
if [ -t 1 ]; then progress=(--quiet --progress-bar on); fi

echo '==> locked dependencies (a few minutes the first time)'
"$venv/bin/python" -m pip install "${progress[@]}" --require-hashes --requirement requirements-dev.txt
echo '==> tidegate'
"$venv/bin/python" -m pip install --quiet --no-deps --no-build-isolation --editable .
