"""Server reflection, v1 and v1alpha: what tools such as grpcurl and ghz ask for, so that they need no `.proto` file.

Both versions are the same messages under two names. Symbols are services and their methods, messages, fields, enums and
their values. Fields carry their JSON names, which Python's descriptors leave out: without them tools show others.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any, Final, cast

import grpc
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import DescriptorProto, EnumDescriptorProto, FileDescriptorProto
from grpc_reflection.v1alpha import reflection_pb2 as pb

from sidecar.transport.http2.server import Http2Server

_ALPHA: Final = "grpc.reflection.v1alpha"
_V1: Final = "grpc.reflection.v1"
_SERVICE: Final = "ServerReflection"
_NOT_FOUND = grpc.StatusCode.NOT_FOUND
_UNIMPLEMENTED = grpc.StatusCode.UNIMPLEMENTED

NAMES: Final = (f"{_V1}.{_SERVICE}", f"{_ALPHA}.{_SERVICE}")


class Reflection:
    """Answers about services and all that they use."""

    def __init__(self, services: Iterable[str], files: Iterable[FileDescriptor]) -> None:
        """`files` are those of the services; what they import is found from there."""
        alpha = cast("FileDescriptor", pb.DESCRIPTOR)
        self._services = sorted({*services, *NAMES})
        self._files: dict[str, bytes] = {}
        self._symbols: dict[str, str] = {}
        self._imports: dict[str, tuple[str, ...]] = {}
        for file in _with_imports([*files, alpha]):
            self._add(described(file))
        self._add(_as_v1(described(alpha)))

    def add_to(self, server: grpc.aio.Server | Http2Server) -> None:
        """Serve both versions."""
        handler: grpc.RpcMethodHandler[Any, Any] = grpc.stream_stream_rpc_method_handler(
            self.answer_all,
            request_deserializer=pb.ServerReflectionRequest.FromString,
            response_serializer=pb.ServerReflectionResponse.SerializeToString,
        )
        for name in NAMES:
            methods = {"ServerReflectionInfo": handler}
            server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, methods),))

    async def answer_all(
        self, requests: AsyncIterator[pb.ServerReflectionRequest], _context: object
    ) -> AsyncIterator[pb.ServerReflectionResponse]:
        """An answer for each question."""
        async for request in requests:
            yield self.answer(request)

    def answer(self, request: pb.ServerReflectionRequest) -> pb.ServerReflectionResponse:
        """The answer to one question."""
        response = pb.ServerReflectionResponse(valid_host=request.host, original_request=request)
        kind = request.WhichOneof("message_request")
        find = self._finders.get(kind or "")
        if find is None:
            _fail(response, _UNIMPLEMENTED, "the question is none of those that are known")
        else:
            find(request, response)
        return response

    @property
    def _finders(self) -> dict[str, Callable[[pb.ServerReflectionRequest, pb.ServerReflectionResponse], None]]:
        return {
            "list_services": self._list,
            "file_by_filename": lambda request, response: self._give(request.file_by_filename, response),
            "file_containing_symbol": lambda request, response: self._give(
                self._symbols.get(request.file_containing_symbol.lstrip("."), ""), response
            ),
            "file_containing_extension": lambda _, response: _fail(response, _NOT_FOUND, "there are no extensions"),
            "all_extension_numbers_of_type": self._no_extensions,
        }

    def _list(self, _request: pb.ServerReflectionRequest, response: pb.ServerReflectionResponse) -> None:
        response.list_services_response.service.extend(pb.ServiceResponse(name=name) for name in self._services)

    def _give(self, name: str, response: pb.ServerReflectionResponse) -> None:
        """The file and what it imports, so that no tool has to ask again."""
        if name not in self._files:
            _fail(response, _NOT_FOUND, "there is no such file or symbol")
            return
        found = [self._files[each] for each in self._closure(name)]
        response.file_descriptor_response.file_descriptor_proto.extend(found)

    def _no_extensions(self, request: pb.ServerReflectionRequest, response: pb.ServerReflectionResponse) -> None:
        name = request.all_extension_numbers_of_type
        if name not in self._symbols:
            _fail(response, _NOT_FOUND, "there is no such message")
            return
        response.all_extension_numbers_response.base_type_name = name

    def _closure(self, name: str) -> list[str]:
        found = [name]
        for each in found:  # which grows
            found += (more for more in self._imports[each] if more not in found)
        return found

    def _add(self, file: FileDescriptorProto) -> None:
        self._files[file.name] = file.SerializeToString()
        self._imports[file.name] = tuple(file.dependency)
        self._symbols.update(dict.fromkeys(_symbols_of(file), file.name))


def described(file: FileDescriptor) -> FileDescriptorProto:
    """A file as the compiler hands it to tools: each field with its JSON name."""
    found = FileDescriptorProto()
    file.CopyToProto(found)
    for message in found.message_type:
        _name_fields(message)
    return found


def _name_fields(message: DescriptorProto) -> None:
    for field in message.field:
        if not field.json_name:
            field.json_name = _json_name(field.name)
    for nested in message.nested_type:
        _name_fields(nested)


def _json_name(name: str) -> str:
    """Protoc's rule: an underscore goes, and the letter behind it is a capital."""
    first, *others = name.split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in others)


def _as_v1(alpha: FileDescriptorProto) -> FileDescriptorProto:
    """The same file under the other name."""
    found = FileDescriptorProto()
    found.CopyFrom(alpha)
    found.name = "grpc/reflection/v1/reflection.proto"
    found.package = _V1
    fields = (field for message in found.message_type for field in message.field)
    for field in fields:
        if not field.type_name:
            continue
        field.type_name = field.type_name.replace(_ALPHA, _V1)
    for service in found.service:
        for method in service.method:
            method.input_type = method.input_type.replace(_ALPHA, _V1)
            method.output_type = method.output_type.replace(_ALPHA, _V1)
    return found


def _with_imports(files: Iterable[FileDescriptor]) -> Iterable[FileDescriptor]:
    found: dict[str, FileDescriptor] = {}
    waiting = [*files]
    while waiting:
        file = waiting.pop()
        if file.name not in found:
            found[file.name] = file
            waiting += file.dependencies
    return found.values()


def _symbols_of(file: FileDescriptorProto) -> Iterator[str]:
    scope = f"{file.package}." if file.package else ""
    for message in file.message_type:
        yield from _symbols_in(message, scope)
    for enum in file.enum_type:
        yield from _values_of(enum, scope)
    for service in file.service:
        yield scope + service.name
        yield from (f"{scope}{service.name}.{method.name}" for method in service.method)


def _symbols_in(message: DescriptorProto, scope: str) -> Iterator[str]:
    name = scope + message.name
    yield name
    yield from (f"{name}.{field.name}" for field in message.field)
    yield from (f"{name}.{oneof.name}" for oneof in message.oneof_decl)
    for nested in message.nested_type:
        yield from _symbols_in(nested, f"{name}.")
    for enum in message.enum_type:
        yield from _values_of(enum, f"{name}.")


def _values_of(enum: EnumDescriptorProto, scope: str) -> Iterator[str]:
    """An enum's values are its siblings, as in C++."""
    yield scope + enum.name
    yield from (scope + value.name for value in enum.value)


def _fail(response: pb.ServerReflectionResponse, code: grpc.StatusCode, message: str) -> None:
    response.error_response.error_code = code.value[0]
    response.error_response.error_message = message
