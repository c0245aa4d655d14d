#!/usr/bin/env bash
# Generates tidegate/v1, tidegate/status/v1 and tidegate/inference/v2 from proto/. With --check: only says whether the
# committed code is what the sources give.
set -euo pipefail

bin=.venv/bin
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

PATH=$bin:$PATH
protoc() { python -m grpc_tools.protoc --proto_path=proto --python_out="$out" --mypy_out="quiet:$out" "$@"; }
protoc --grpc_python_out="$out" --mypy_grpc_out="quiet:$out" proto/tidegate/v1/*.proto
protoc proto/tidegate/status/v1/*.proto proto/tidegate/inference/v2/*.proto # messages only

for package in tidegate/v1 tidegate/status/v1 tidegate/inference/v2; do
    if [ "${1:-}" = --check ]; then
        diff --recursive --brief --exclude=__pycache__ --exclude=__init__.py "$out/$package" "$package" ||
            { echo "error: $package is not what proto/ gives. Run \`make gen\` and commit the result." >&2; exit 1; }
    else
        rm -f "$package"/*_pb2.py "$package"/*_pb2.pyi "$package"/*_pb2_grpc.py "$package"/*_pb2_grpc.pyi
        cp "$out/$package"/* "$package"/
    fi
done
