"""Whether what a server says of a model fits the model's card. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from detectors.models.card import Card
from sidecar.inference.v2 import inference_pb2 as pb

_ANY = -1
_RANKS = (2, 3)
"""A tensor is (rows, tokens), (rows, values) or (rows, tokens, values)."""


def mismatch(card: Card, metadata: pb.ModelMetadataResponse) -> str:
    """The first thing that differs, for a person; empty when nothing does."""
    return next(_differences(card, metadata), "")


def _differences(card: Card, metadata: pb.ModelMetadataResponse) -> Iterator[str]:
    inputs = {each.name: each for each in metadata.inputs}
    outputs = {each.name: each for each in metadata.outputs}
    for name in card.inputs:
        yield from _of_tensor(f"input {name}", inputs.get(name), ("INT64",), _ANY)
    yield from (f"input {name} is not one that the model's card has" for name in inputs if name not in card.inputs)
    for head in card.heads.values():
        width = len(head.labels) or head.size
        yield from _of_tensor(f"output {head.output}", outputs.get(head.output), ("FP32", "FP16"), width)


def _of_tensor(
    what: str, given: pb.ModelMetadataResponse.TensorMetadata | None, types: Sequence[str], width: int
) -> Iterator[str]:
    if given is None:
        yield f"{what} is missing"
    elif given.datatype not in types:
        yield f"{what} is {given.datatype} instead of {types[0]}"
    elif len(given.shape) not in _RANKS or (width != _ANY and given.shape[-1] not in (_ANY, width)):
        yield f"{what} has shape {[*given.shape]} instead of {[_ANY, width]}"
