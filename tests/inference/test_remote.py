"""A model on a server that answers as the test says, over real gRPC: what is sent, and what follows from an answer."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest

from detectors.base import ModelUnavailable
from detectors.models.card import Card, read_card
from detectors.models.session import ModelSession
from sidecar.config import Inference
from sidecar.errors import ConfigError, ModelError
from sidecar.inference.breaker import BreakerState
from sidecar.inference.client import connect
from sidecar.inference.contract import mismatch
from sidecar.inference.session import RemoteModel, ServerUnreachable
from sidecar.inference.v2 import inference_pb2 as pb
from sidecar.telemetry.metrics import Metrics
from sidecar.urgency import wanted_within
from tests.tiny_model import write_tiny_model

Answer = Callable[[pb.ModelInferRequest], pb.ModelInferResponse]
Output = pb.ModelInferResponse.InferOutputTensor
Meta = pb.ModelMetadataResponse.TensorMetadata

IDS = np.asarray([[2, 4, 3], [2, 5, 3]], dtype=np.int64)
INPUTS = {"input_ids": IDS, "attention_mask": np.ones_like(IDS), "token_type_ids": np.zeros_like(IDS)}


def metadata() -> pb.ModelMetadataResponse:
    names = {"injection": (-1, 1), "toxicity": (-1, 2), "topic": (-1, 2), "embedding": (-1, 2), "tags": (-1, -1, 3)}
    return pb.ModelMetadataResponse(
        name="tiny",
        inputs=[Meta(name=name, datatype="INT64", shape=[-1, -1]) for name in INPUTS],
        outputs=[Meta(name=name, datatype="FP32", shape=shape) for name, shape in names.items()],
    )


def raw(request: pb.ModelInferRequest) -> pb.ModelInferResponse:
    """Each row's middle token as its score."""
    ids = np.frombuffer(request.raw_input_contents[0], "<i8").reshape(request.inputs[0].shape)
    scores = ids[:, 1:2].astype("<f4")
    return pb.ModelInferResponse(
        outputs=[Output(name="injection", datatype="FP32", shape=scores.shape)],
        raw_output_contents=[scores.tobytes()],
    )


class Script:
    """What the server answers."""

    def __init__(self) -> None:
        self.infer: Answer = raw
        self.metadata = metadata()
        self.is_ready = True
        self.calls: list[str] = []
        self.address = ""

    def answer(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any] | None:
        kinds: dict[str, tuple[Any, Callable[[Any], Any]]] = {
            "ModelReady": (pb.ModelReadyRequest, lambda _: pb.ModelReadyResponse(ready=self.is_ready)),
            "ModelMetadata": (pb.ModelMetadataRequest, lambda _: self.metadata),
            "ModelInfer": (pb.ModelInferRequest, lambda request: self.infer(request)),
        }
        service, _, name = details.method.rpartition("/")
        if service != "/inference.GRPCInferenceService" or name not in kinds:
            return None
        kind, handle = kinds[name]

        def handled(request: Any, context: grpc.ServicerContext) -> Any:
            self.calls.append(name)
            try:
                return handle(request)
            except PermissionError:
                context.abort(grpc.StatusCode.UNAVAILABLE, "the words of a user")

        return grpc.unary_unary_rpc_method_handler(
            handled,
            request_deserializer=kind.FromString,
            response_serializer=lambda message: message.SerializeToString(),
        )


class _Handler(grpc.GenericRpcHandler):
    def __init__(self, script: Script) -> None:
        self._script = script

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any] | None:
        return self._script.answer(handler_call_details)


@pytest.fixture
def script() -> Iterator[Script]:
    made = Script()
    server = grpc.server(futures.ThreadPoolExecutor(2), handlers=[_Handler(made)])
    made.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    yield made
    server.stop(None).wait()


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> Card:
    return read_card(write_tiny_model(tmp_path_factory.mktemp("models") / "tiny"))


class Local:
    """Says 7 for each row."""

    def run(self, outputs: list[str], inputs: Any) -> list[Any]:
        return [np.full((len(inputs["input_ids"]), 1), 7.0, dtype=np.float32) for _ in outputs]


def remote(card: Card, address: str, local: ModelSession | None = None, **changes: object) -> RemoteModel:
    settings = Inference.model_validate(
        {"target": address, "models": {"tiny": "served"}, "timeout_ms": 20_000, "breaker": {"failures": 2}} | changes
    )
    model = RemoteModel(card, "served", client=connect(settings), settings=settings, metrics=Metrics("test"))
    model.local = local
    return model


def scores(model: RemoteModel) -> list[float]:
    return [float(each) for each in model.run(["injection"], INPUTS)[0][:, 0]]


def until_it_tries(model: RemoteModel) -> None:
    while model.state is BreakerState.OPEN:
        pass  # a millisecond


def unavailable(_: pb.ModelInferRequest) -> pb.ModelInferResponse:
    raise PermissionError


def test_tensors_go_and_come_raw(script: Script, card: Card):
    seen: list[pb.ModelInferRequest] = []

    def seeing(request: pb.ModelInferRequest) -> pb.ModelInferResponse:
        seen.append(request)
        return raw(request)

    script.infer = seeing
    assert scores(remote(card, script.address)) == [4.0, 5.0]
    [request] = seen
    assert (request.model_name, [each.name for each in request.outputs]) == ("served", ["injection"])
    assert [(each.name, each.datatype, [*each.shape]) for each in request.inputs] == [
        (name, "INT64", [2, 3]) for name in INPUTS
    ]
    assert request.raw_input_contents[0] == IDS.tobytes()


def test_numbers_are_taken_where_the_server_does_not_send_them_raw(script: Script, card: Card):
    contents = pb.InferTensorContents(fp32_contents=[1.0, 2.0])
    output = Output(name="injection", datatype="FP32", shape=[2, 1], contents=contents)
    script.infer = lambda _: pb.ModelInferResponse(outputs=[output])
    assert scores(remote(card, script.address)) == [1.0, 2.0]


@pytest.mark.parametrize(
    ("output", "contents"),
    [
        ([], []),
        ([Output(name="other", datatype="FP32", shape=[2, 1])], [bytes(8)]),
        ([Output(name="injection", datatype="INT32", shape=[2, 1])], [bytes(8)]),
        ([Output(name="injection", datatype="FP32", shape=[2, 2])], [bytes(8)]),
        ([Output(name="injection", datatype="FP32", shape=[2, 1])], [bytes(7)]),
        ([Output(name="injection", datatype="FP32", shape=[-2, -1])], [bytes(8)]),
        ([Output(name="injection", datatype="FP32", shape=[2, 1])], [bytes(8), b""]),
        ([Output(name="injection", datatype="FP32", shape=[3, 1])], [bytes(12)]),
    ],
    ids=["none", "another", "type", "too few", "odd", "negative", "contents", "rows"],
)
def test_an_answer_that_cannot_be_read_is_none(script: Script, card: Card, output: list[Output], contents: list[bytes]):
    script.infer = lambda _: pb.ModelInferResponse(outputs=output, raw_output_contents=contents)
    with pytest.raises(ModelUnavailable):
        scores(remote(card, script.address))
    assert scores(remote(card, script.address, Local())) == [7.0, 7.0]


def test_a_server_that_fails_is_left_alone_and_the_local_model_reads(
    script: Script, card: Card, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO)
    script.infer = unavailable
    model = remote(card, script.address, Local())
    assert [scores(model) for _ in range(4)] == [[7.0, 7.0]] * 4
    assert script.calls.count("ModelInfer") == 2
    assert model.state is BreakerState.OPEN
    assert [each.message for each in caplog.records] == ["the inference server is left alone for a while"]
    assert "words of a user" not in caplog.text


def test_it_is_asked_again_after_a_while(script: Script, card: Card):
    script.infer = unavailable
    model = remote(card, script.address, Local(), breaker={"failures": 1, "open_seconds": 0.001})
    assert scores(model) == [7.0, 7.0]
    script.infer = raw
    until_it_tries(model)
    assert scores(model) == [4.0, 5.0]
    assert model.state is BreakerState.CLOSED


def test_without_a_local_model_there_is_no_answer(script: Script, card: Card):
    script.infer = unavailable
    model = remote(card, script.address)
    for _ in range(3):
        with pytest.raises(ModelUnavailable):
            scores(model)
    assert script.calls.count("ModelInfer") == 2


def test_nothing_is_sent_when_nobody_waits_for_the_answer(script: Script, card: Card):
    model = remote(card, script.address)
    with wanted_within(0.0), pytest.raises(ModelUnavailable):
        scores(model)
    assert (script.calls, model.state) == ([], BreakerState.CLOSED)


def test_a_model_that_was_not_there_at_the_start_is_asked_about_first(script: Script, card: Card):
    model = remote(card, script.address, Local(), breaker={"failures": 1, "open_seconds": 0.001})
    model.give_up()
    script.metadata.outputs[0].shape[1] = 5
    until_it_tries(model)
    assert scores(model) == [7.0, 7.0]
    script.metadata.outputs[0].shape[1] = 1
    until_it_tries(model)
    assert [scores(model) for _ in range(2)] == [[4.0, 5.0]] * 2
    assert script.calls == ["ModelReady", "ModelMetadata", "ModelReady", "ModelMetadata", "ModelInfer", "ModelInfer"]


def test_the_check_at_the_start_says_what_is_wrong(script: Script, card: Card):
    remote(card, script.address).check(20)
    script.is_ready = False
    with pytest.raises(ModelError, match=r"model served on the inference server 127\.0\.0\.1:\d+ is not ready"):
        remote(card, script.address).check(20)
    script.is_ready = True
    script.metadata.inputs[1].datatype = "INT32"
    with pytest.raises(ModelError, match="is not what its card says: input attention_mask is INT32 instead of INT64"):
        remote(card, script.address).check(20)


def test_a_server_that_is_not_there_is_unreachable(card: Card, tmp_path: Path):
    with pytest.raises(ServerUnreachable, match="does not answer"):
        remote(card, f"unix:{tmp_path}/nobody").check(20)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda meta: None, ""),
        (lambda meta: meta.inputs.pop(), "input token_type_ids is missing"),
        (lambda meta: meta.inputs.append(Meta(name="more")), "input more is not one that the model's card has"),
        (lambda meta: meta.outputs.pop(), "output tags is missing"),
        (lambda meta: meta.outputs.append(Meta(name="more")), ""),
        (lambda meta: meta.outputs[0].shape.append(3), "output injection has shape [-1, 1, 3] instead of [-1, 1]"),
        (lambda meta: meta.outputs[0].shape.pop(), "output injection has shape [-1] instead of [-1, 1]"),
        (lambda meta: meta.outputs[0].MergeFrom(Meta(datatype="FP64")), "output injection is FP64 instead of FP32"),
        (lambda meta: meta.outputs[0].MergeFrom(Meta(datatype="FP16")), ""),
    ],
)
def test_what_differs_from_the_card(card: Card, change: Callable[[Any], object], message: str):
    meta = metadata()
    change(meta)
    assert mismatch(card, meta) == message


def test_certificates_that_cannot_be_read_are_named(tmp_path: Path):
    values = {"target": "localhost:1", "models": {"tiny": "served"}, "tls": {"ca": tmp_path / "none.pem"}}
    with pytest.raises(ConfigError, match=r"inference.tls: cannot read .*none\.pem"):
        connect(Inference.model_validate(values))
