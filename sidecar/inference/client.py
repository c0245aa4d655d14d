"""The calls to an inference server, in numpy's terms. Blocking: for worker threads. Tensors travel raw, both ways."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import grpc
import numpy as np
from google.protobuf.message import Message
from numpy.typing import NDArray

from sidecar.config import Inference
from sidecar.errors import ConfigError
from sidecar.inference.v2 import inference_pb2 as pb

_SERVICE = "/inference.GRPCInferenceService/"
_MOST_BYTES = 64 * 1024 * 1024
_TYPES: dict[str, np.dtype[Any]] = {"FP16": np.dtype("<f2"), "FP32": np.dtype("<f4")}
"""What outputs may be."""

Tensor = NDArray[Any]
Response = TypeVar("Response", bound=Message)


class BadAnswer(Exception):  # noqa: N818 - it is what it says
    """The server answered, but not with the tensors that were asked for. The message says what is wrong."""


class InferenceClient:
    """One connection to a server. Its methods raise `grpc.RpcError`; `infer` also raises `BadAnswer`."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._channel = channel
        self._ready = self._method("ModelReady", pb.ModelReadyResponse.FromString)
        self._metadata = self._method("ModelMetadata", pb.ModelMetadataResponse.FromString)
        self._infer = self._method("ModelInfer", pb.ModelInferResponse.FromString)

    def close(self) -> None:
        """Close the connection; calls that are under way fail."""
        self._channel.close()

    def is_ready(self, model: str, *, seconds: float) -> bool:
        """Whether the model can be asked."""
        return self._ready(pb.ModelReadyRequest(name=model), timeout=seconds).ready

    def metadata(self, model: str, *, seconds: float) -> pb.ModelMetadataResponse:
        """What the model takes and gives."""
        return self._metadata(pb.ModelMetadataRequest(name=model), timeout=seconds)

    def infer(
        self, model: str, inputs: Mapping[str, Tensor], outputs: Sequence[str], *, seconds: float
    ) -> list[Tensor]:
        """The outputs of a batch, in order; inputs are int64."""
        request = pb.ModelInferRequest(
            model_name=model,
            inputs=[
                pb.ModelInferRequest.InferInputTensor(name=name, datatype="INT64", shape=values.shape)
                for name, values in inputs.items()
            ],
            outputs=[pb.ModelInferRequest.InferRequestedOutputTensor(name=name) for name in outputs],
            raw_input_contents=[values.astype("<i8", copy=False).tobytes() for values in inputs.values()],
        )
        given = _tensors(self._infer(request, timeout=seconds))
        rows = len(next(iter(inputs.values())))
        for name in outputs:
            if name not in given or given[name].shape[:1] != (rows,):
                raise BadAnswer(f"there is no output {name} with {rows} rows")
        return [given[name] for name in outputs]

    def _method(self, name: str, parse: Callable[[bytes], Response]) -> Callable[..., Response]:
        method: Callable[..., Response] = self._channel.unary_unary(
            _SERVICE + name, request_serializer=_serialized, response_deserializer=parse
        )
        return method


def connect(settings: Inference) -> InferenceClient:
    """A client; nothing is sent yet. Raises `ConfigError` when a certificate cannot be read."""
    options = [("grpc.max_receive_message_length", _MOST_BYTES), ("grpc.max_send_message_length", _MOST_BYTES)]
    tls = settings.tls
    if tls is None:
        return InferenceClient(grpc.insecure_channel(settings.target, options))
    if tls.server_name:
        options.append(("grpc.ssl_target_name_override", tls.server_name))  # type: ignore[arg-type]  # a string here
    try:
        credentials = grpc.ssl_channel_credentials(
            root_certificates=tls.ca.read_bytes() if tls.ca else None,
            private_key=tls.key.read_bytes() if tls.key else None,
            certificate_chain=tls.cert.read_bytes() if tls.cert else None,
        )
    except OSError as error:
        raise ConfigError(f"cannot read {error.filename}: {error.strerror}", path="inference.tls") from None
    return InferenceClient(grpc.secure_channel(settings.target, credentials, options))


def _serialized(message: Message) -> bytes:
    return message.SerializeToString()


def _tensors(answer: pb.ModelInferResponse) -> dict[str, Tensor]:
    """The outputs by name. Raises `BadAnswer`."""
    raw = answer.raw_output_contents
    if raw and len(raw) != len(answer.outputs):
        raise BadAnswer(f"there are {len(raw)} contents for {len(answer.outputs)} outputs")
    return {each.name: _tensor(each, raw[index] if raw else None) for index, each in enumerate(answer.outputs)}


def _tensor(output: pb.ModelInferResponse.InferOutputTensor, raw: bytes | None) -> Tensor:
    kind = _TYPES.get(output.datatype)
    if kind is None:
        raise BadAnswer(f"output {output.name} is {output.datatype}")
    elements = raw if raw is not None else np.asarray(output.contents.fp32_contents, kind).tobytes()
    if min(output.shape, default=0) < 0 or len(elements) != math.prod(output.shape) * kind.itemsize:
        raise BadAnswer(f"output {output.name} has {len(elements)} bytes for shape {[*output.shape]}")
    values: Tensor = np.frombuffer(elements, kind)
    return values.reshape(output.shape)
