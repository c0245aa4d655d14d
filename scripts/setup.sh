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

# Says how far pip is, on a terminal; what pip itself says is shown only when it fails.
progress() {
    if [ -t 1 ]; then
        awk -v total="$(grep -c == requirements/dev.txt)" '
            /^Collecting/ {printf "\r    fetched %d of at most %d packages", ++count, total; fflush()}
            /^Installing/ && count {printf "\r    installing %d packages              ", count; fflush()}
            END {if (count) print ""}'
    else
        cat > /dev/null
    fi
}

install() {
    local log=$venv/setup.log
    if ! "$venv/bin/python" -m pip install --disable-pip-version-check --progress-bar off "$@" 2>&1 |
        tee "$log" | progress; then
        tail -n 20 "$log" >&2
        echo "error: pip failed; all it said is in $log" >&2
        exit 1
    fi
}

echo '==> locked dependencies (a few minutes the first time)'
install --require-hashes --requirement requirements/dev.txt
echo '==> tidegate'
install --no-deps --no-build-isolation --editable ./client --editable .
