#!/usr/bin/env bash
# Generates tidegate/v1 from proto/. With --check: only says whether the committed code is what the sources give.
set -euo pipefail

bin=.venv/bin
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

PATH=$bin:$PATH "$bin/python" -m grpc_tools.protoc --proto_path=proto \
    --python_out="$out" --mypy_out="quiet:$out" --grpc_python_out="$out" --mypy_grpc_out="quiet:$out" \
    proto/tidegate/v1/*.proto

if [ "${1:-}" = --check ]; then
    diff --recursive --brief --exclude=__pycache__ --exclude=__init__.py "$out/tidegate/v1" tidegate/v1 ||
        { echo 'error: tidegate/v1 is not what proto/ gives. Run `make gen` and commit the result.' >&2; exit 1; }
else
    rm -f tidegate/v1/*_pb2.py tidegate/v1/*_pb2.pyi tidegate/v1/*_pb2_grpc.py tidegate/v1/*_pb2_grpc.pyi
    cp "$out"/tidegate/v1/* tidegate/v1/
fi
