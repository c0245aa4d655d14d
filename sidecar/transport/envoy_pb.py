"""Envoy's messages of the external processor's protocol, made of descriptors that lie beside this module.

The package that has all of Envoy's messages (xds-protos) also brings old ones of OpenTelemetry, under the names of that
project's own package: whichever is installed last wins, and spans fail. So the descriptors of what is used here are
kept as a file set, and the messages live in a pool of their own: nothing else that is installed can be in their way.
`scripts/envoy_messages.py` makes the file.
"""

from __future__ import annotations

from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

_PROCESSOR = "envoy/service/ext_proc/v3/external_processor.proto"
_OTHERS = (
    "envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor",
    "envoy.extensions.filters.http.ext_proc.v3.ProcessingMode",
    "envoy.type.v3.HttpStatus",
)


def _pool() -> DescriptorPool:
    pool = DescriptorPool()
    for file in FileDescriptorSet.FromString(Path(__file__).with_name("envoy.binpb").read_bytes()).file:
        pool.AddSerializedFile(file.SerializeToString())
    return pool


_POOL = _pool()
DESCRIPTOR = _POOL.FindFileByName(_PROCESSOR)
for _message in (*DESCRIPTOR.message_types_by_name.values(), *map(_POOL.FindMessageTypeByName, _OTHERS)):
    globals()[_message.name] = GetMessageClass(_message)
