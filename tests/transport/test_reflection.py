"""Server reflection: what grpcurl, ghz and the like ask before they make a call."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha import reflection_pb2 as pb

from sidecar.config import Grpc
from sidecar.values import Action
from tests.fakes import WordScanner, plan, rule
from tests.servers import Serving, serving

POLICY = plan((WordScanner("x"), [rule(Action.REDACT)]))
VERSIONS = ["v1", "v1alpha"]
NOT_FOUND = grpc.StatusCode.NOT_FOUND.value[0]


@pytest.fixture(params=["light", "grpcio"])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[Serving]:
    async with serving(POLICY, grpc=Grpc(listen=("127.0.0.1:0",), server=request.param)) as running:
        yield running


async def ask(address: str, version: str, **question: str) -> pb.ServerReflectionResponse:
    """The answer to one question, over the wire."""
    async with grpc.aio.insecure_channel(address) as channel:
        call: Any = channel.stream_stream(
            f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
            request_serializer=pb.ServerReflectionRequest.SerializeToString,
            response_deserializer=pb.ServerReflectionResponse.FromString,
        )
        [answer] = [each async for each in call(iter([pb.ServerReflectionRequest(**question)]))]  # type: ignore[arg-type]
    return answer  # type: ignore[no-any-return]  # as it was deserialized


def files_of(answer: pb.ServerReflectionResponse) -> dict[str, FileDescriptorProto]:
    found = map(FileDescriptorProto.FromString, answer.file_descriptor_response.file_descriptor_proto)
    return {file.name: file for file in found}


@pytest.mark.parametrize("version", VERSIONS)
async def test_all_services_are_named(server: Serving, version: str):
    answer = await ask(server.address, version, list_services="")
    assert [service.name for service in answer.list_services_response.service] == [
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
        "tidegate.v1.GuardService",
    ]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("symbol", "file"),
    [
        ("tidegate.v1.GuardService", "tidegate/v1/guard.proto"),
        ("tidegate.v1.GuardService.Stream", "tidegate/v1/guard.proto"),
        (".tidegate.v1.GuardService.Check", "tidegate/v1/guard.proto"),
        ("tidegate.v1.StreamRequest", "tidegate/v1/guard.proto"),
        ("tidegate.v1.Summary.stream_id", "tidegate/v1/guard.proto"),
        ("tidegate.v1.Action", "tidegate/v1/guard.proto"),
        ("tidegate.v1.ACTION_BLOCK", "tidegate/v1/guard.proto"),
        ("grpc.health.v1.Health.Watch", "grpc_health/v1/health.proto"),
        ("grpc.health.v1.HealthCheckResponse.ServingStatus", "grpc_health/v1/health.proto"),
        ("grpc.reflection.v1.ServerReflection.ServerReflectionInfo", "grpc/reflection/v1/reflection.proto"),
        ("grpc.reflection.v1alpha.ServerReflection", "grpc_reflection/v1alpha/reflection.proto"),
    ],
)
async def test_a_symbol_is_found_with_all_that_its_file_imports(server: Serving, version: str, symbol: str, file: str):
    files = files_of(await ask(server.address, version, file_containing_symbol=symbol))
    assert next(iter(files)) == file
    assert {each for found in files.values() for each in found.dependency} <= files.keys()


async def test_the_files_can_be_put_together_and_describe_the_methods(server: Serving):
    files = files_of(await ask(server.address, "v1", file_containing_symbol="grpc.reflection.v1.ServerReflection"))
    files |= files_of(await ask(server.address, "v1", file_containing_symbol="tidegate.v1.GuardService.Stream"))
    pool = DescriptorPool()
    for file in reversed(files.values()):
        pool.Add(file)
    method = pool.FindServiceByName("tidegate.v1.GuardService").methods_by_name["Stream"]
    assert (method.input_type.full_name, method.output_type.full_name) == (
        "tidegate.v1.StreamRequest",
        "tidegate.v1.StreamResponse",
    )
    assert pool.FindServiceByName("grpc.reflection.v1.ServerReflection").methods[0].name == "ServerReflectionInfo"


async def test_fields_carry_their_json_names(server: Serving):
    files = files_of(await ask(server.address, "v1", file_containing_symbol="tidegate.v1.Summary"))
    [summary] = [each for each in files["tidegate/v1/guard.proto"].message_type if each.name == "Summary"]
    names = {field.name: field.json_name for field in summary.field}
    assert (names["stream_id"], names["policy"]) == ("streamId", "policy")
    assert all(field.json_name for file in files.values() for message in file.message_type for field in message.field)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "question",
    [
        {"file_containing_symbol": "tidegate.v1.GuardService.Nope"},
        {"file_by_filename": "nope.proto"},
        {"all_extension_numbers_of_type": "nope"},
    ],
)
async def test_what_is_not_there_is_not_found(server: Serving, version: str, question: dict[str, str]):
    answer = await ask(server.address, version, **question)
    assert answer.error_response.error_code == NOT_FOUND


async def test_a_file_is_found_by_its_name(server: Serving):
    files = files_of(await ask(server.address, "v1alpha", file_by_filename="google/protobuf/duration.proto"))
    assert list(files) == ["google/protobuf/duration.proto"]
