"""agentgateway's messages of its protocol `ExtMcp`, in a pool of their own: nothing installed can be in the way.

The table below says the interface of agentgateway.dev.ext_mcp, as agentgateway 1.3 to 1.5 speak it
(github.com/agentgateway/agentgateway, crates/protos/proto/ext_mcp.proto, Apache-2.0), with the invocation's id, which
came after it. What its first drafts had otherwise, no release spoke.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf import struct_pb2
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

PACKAGE = "agentgateway.dev.ext_mcp"
SERVICE = f"{PACKAGE}.ExtMcp"

_STRUCT = "google.protobuf.Struct"
_RESULT = {"pass": (1, "Pass result"), "mutated": (2, "bytes result"), "error": (3, "AuthorizationError result")}
_MESSAGES: Mapping[str, Mapping[str, tuple[int, str]]] = {
    "McpRequest": {
        "service_names": (1, "string repeated"),
        "method": (2, "string"),
        "metadata_context": (3, _STRUCT),
        "mcp_request": (4, "bytes optional"),
        "headers": (5, "McpHeader repeated"),
        "invocation_id": (6, "string"),
    },
    "McpResponse": {
        "service_names": (1, "string repeated"),
        "method": (2, "string"),
        "metadata_context": (3, _STRUCT),
        "mcp_response": (4, "bytes"),
        "invocation_id": (5, "string"),
    },
    "McpRequestResult": {**_RESULT, "header_mutation": (4, "HeaderMutation"), "metadata": (5, _STRUCT)},
    "McpResponseResult": _RESULT,
    "HeaderMutation": {"set": (1, "McpHeader repeated"), "remove": (2, "string repeated")},
    "McpHeader": {"key": (1, "string"), "value": (2, "bytes")},
    "Pass": {},
    "AuthorizationError": {"code": (1, "Code"), "reason": (2, "string"), "mcp_error": (3, "bytes optional")},
}
"""By message and field: its number, its type, and whether it is repeated, optional, or in the `oneof` of this name."""
_CODES = ("UNKNOWN", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "INVALID")
_METHODS = {
    "CheckRequest": ("McpRequest", "McpRequestResult"),
    "CheckResponse": ("McpResponse", "McpResponseResult"),
}


def _file() -> FileDescriptorProto:
    file = FileDescriptorProto(name="ext_mcp.proto", package=PACKAGE, syntax="proto3")
    file.dependency.append(struct_pb2.DESCRIPTOR.name)
    file.message_type.extend(_message_of(name, fields) for name, fields in _MESSAGES.items())
    code = file.message_type[-1].enum_type.add(name="Code")
    for number, name in enumerate(_CODES):
        code.value.add(name=name, number=number)
    service = file.service.add(name="ExtMcp")
    for name, (asked, answered) in _METHODS.items():
        service.method.add(name=name, input_type=f".{PACKAGE}.{asked}", output_type=f".{PACKAGE}.{answered}")
    return file


def _message_of(name: str, fields: Mapping[str, tuple[int, str]]) -> DescriptorProto:
    """A message; proto3 wants a `oneof` for each optional field, behind the real ones."""
    split = {field: kind.partition(" ")[::2] for field, (_, kind) in fields.items()}
    real = {how for _, how in split.values()} - {"", "repeated", "optional"}
    oneofs = [*real, *(f"_{field}" for field, (_, how) in split.items() if how == "optional")]
    message = DescriptorProto(name=name)
    for each in oneofs:
        message.oneof_decl.add(name=each)
    for field, (of, how) in split.items():
        own = f"_{field}" if how == "optional" else how
        place = {"oneof_index": oneofs.index(own)} if own in oneofs else {}
        label = FieldDescriptorProto.LABEL_REPEATED if how == "repeated" else FieldDescriptorProto.LABEL_OPTIONAL
        said: dict[str, Any] = {**_type(name, of), **place, "proto3_optional": how == "optional"}
        message.field.add(name=field, number=fields[field][0], label=label, **said)
    return message


def _type(message: str, of: str) -> Mapping[str, Any]:
    match of:
        case "string":
            return {"type": FieldDescriptorProto.TYPE_STRING}
        case "bytes":
            return {"type": FieldDescriptorProto.TYPE_BYTES}
        case "Code":
            return {"type": FieldDescriptorProto.TYPE_ENUM, "type_name": f".{PACKAGE}.{message}.Code"}
        case _:
            name = of if "." in of else f"{PACKAGE}.{of}"
            return {"type": FieldDescriptorProto.TYPE_MESSAGE, "type_name": f".{name}"}


def _pool() -> DescriptorPool:
    pool = DescriptorPool()
    pool.AddSerializedFile(struct_pb2.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(_file().SerializeToString())
    return pool


DESCRIPTOR = _pool().FindFileByName("ext_mcp.proto")
for _message in DESCRIPTOR.message_types_by_name.values():
    globals()[_message.name] = GetMessageClass(_message)
