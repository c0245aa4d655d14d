#!/usr/bin/env bash
# Compiles pyproject.toml into requirements files with hashes: lock.sh BIN [--upgrade]
#
# Only the normal package index is asked, whatever else pip is set up to use here: a hash taken from a local copy of a
# package would not match anywhere else. The files name no index.
set -euo pipefail

bin=$1
shift
unset PIP_FIND_LINKS PIP_EXTRA_INDEX_URL
export PIP_CONFIG_FILE=/dev/null CUSTOM_COMPILE_COMMAND='make lock'

compile() {
    "$bin/pip-compile" --quiet --generate-hashes --allow-unsafe --strip-extras --no-emit-options \
        --no-emit-index-url --no-emit-find-links --no-emit-trusted-host "$@" pyproject.toml
}

echo '==> requirements.txt (the service)'
compile "$@" --output-file=requirements.txt
echo '==> requirements-build.txt (what builds the wheel)'
compile "$@" --only-build-deps --build-deps-for=wheel --output-file=requirements-build.txt
echo '==> requirements-dev.txt (with all tools)'
compile "$@" --extra=demo --extra=demo --extra=dev --constraint=requirements.txt --constraint=requirements-build.txt --output-file=requirements-dev.txt
