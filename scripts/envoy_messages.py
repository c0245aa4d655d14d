"""Writes the descriptors of Envoy's messages that the service speaks: sidecar/transport/envoy.binpb.

python -m venv /tmp/envoy-messages && /tmp/envoy-messages/bin/pip install xds-protos
/tmp/envoy-messages/bin/python scripts/envoy_messages.py sidecar/transport/envoy.binpb
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from google.protobuf.descriptor_pb2 import FileDescriptorSet

MODULES = (
    "envoy.service.ext_proc.v3.external_processor_pb2",
    "envoy.extensions.filters.http.ext_proc.v3.ext_proc_pb2",
)


def main(target: Path) -> None:
    """Write the files of the modules, each behind those that it imports."""
    written: dict[str, Any] = {}

    def add(file: Any) -> None:
        for each in file.dependencies:
            add(each)
        written.setdefault(file.name, file)

    for module in MODULES:
        add(importlib.import_module(module).DESCRIPTOR)
    files = FileDescriptorSet()
    for file in written.values():
        file.CopyToProto(files.file.add())
    target.write_bytes(files.SerializeToString(deterministic=True))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
