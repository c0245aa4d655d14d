#!/usr/bin/env bash
# Generates the wire code of the client (client/tidegate/v1 and status/v1) and of the inference client
# (sidecar/inference/v2) from proto/. With --check: only says whether the committed code is what the sources give.
set -euo pipefail

mode=${1:-}
bin=.venv/bin
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

PATH=$bin:$PATH
protoc() { python -m grpc_tools.protoc --proto_path=proto --python_out="$out" --mypy_out="quiet:$out" "$@"; }
protoc --grpc_python_out="$out" --mypy_grpc_out="quiet:$out" proto/tidegate/v1/*.proto
protoc proto/tidegate/status/v1/*.proto proto/tidegate/inference/v2/*.proto # messages only

place() { # GENERATED PACKAGE
    if [ "$mode" = --check ]; then
        diff --recursive --brief --exclude=__pycache__ --exclude=__init__.py "$out/$1" "$2" ||
            { echo "error: $2 is not what proto/ gives. Run \`make gen\` and commit the result." >&2; exit 1; }
    else
        rm -f "$2"/*_pb2.py "$2"/*_pb2.pyi "$2"/*_pb2_grpc.py "$2"/*_pb2_grpc.pyi
        cp "$out/$1"/* "$2"/
    fi
}
place tidegate/v1 client/tidegate/v1
place tidegate/status/v1 client/tidegate/status/v1
place tidegate/inference/v2 sidecar/inference/v2
