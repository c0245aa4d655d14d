"""agentgateway's messages of its protocol `ExtMcp`, in a pool of their own: nothing that is installed can be in the way.

The table below says the interface of agentgateway.dev.ext_mcp, as agentgateway 1.3 to 1.5 speak it
(github.com/agentgateway/agentgateway, crates/protos/proto/ext_mcp.proto, Apache-2.0), with the invocation's id that came
after it. What its first drafts had otherwise, no release spoke.
"""

from __future__ import annotations

from collections.abc import Mapping

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
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            _add(message, field, number, kind)
        _hide_optional(message)
    code = file.message_type[-1].enum_type.add(name="Code")
    for number, name in enumerate(_CODES):
        code.value.add(name=name, number=number)
    service = file.service.add(name="ExtMcp")
    for name, (asked, answered) in _METHODS.items():
        service.method.add(name=name, input_type=f".{PACKAGE}.{asked}", output_type=f".{PACKAGE}.{answered}")
    return file


def _add(message: DescriptorProto, name: str, number: int, kind: str) -> None:
    """Add a field; one of a `oneof` opens it, if it is the first."""
    of, _, how = kind.partition(" ")
    field = message.field.add(name=name, number=number, label=FieldDescriptorProto.LABEL_OPTIONAL)
    if of in ("string", "bytes"):
        field.type = FieldDescriptorProto.TYPE_STRING if of == "string" else FieldDescriptorProto.TYPE_BYTES
    elif of == "Code":
        field.type, field.type_name = FieldDescriptorProto.TYPE_ENUM, f".{PACKAGE}.{message.name}.Code"
    else:
        field.type, field.type_name = FieldDescriptorProto.TYPE_MESSAGE, f".{of if '.' in of else f'{PACKAGE}.{of}'}"
    if how == "repeated":
        field.label = FieldDescriptorProto.LABEL_REPEATED
    elif how == "optional":
        field.proto3_optional = True
    elif how:
        if not message.oneof_decl:
            message.oneof_decl.add(name=how)
        field.oneof_index = 0


def _hide_optional(message: DescriptorProto) -> None:
    """Give each optional field the `oneof` of its own that proto3 wants, behind the real ones."""
    for field in message.field:
        if field.proto3_optional:
            field.oneof_index = len(message.oneof_decl)
            message.oneof_decl.add(name=f"_{field.name}")


def _pool() -> DescriptorPool:
    pool = DescriptorPool()
    pool.AddSerializedFile(struct_pb2.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(_file().SerializeToString())
    return pool


DESCRIPTOR = _pool().FindFileByName("ext_mcp.proto")
for _message in DESCRIPTOR.message_types_by_name.values():
    globals()[_message.name] = GetMessageClass(_message)
