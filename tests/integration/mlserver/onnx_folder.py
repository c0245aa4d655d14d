"""An MLServer runtime that serves the `model.onnx` beside its settings. It runs in MLServer's environment, not in ours.

While a file `slow` lies beside it, each answer takes as many seconds as stand in it.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import onnxruntime as ort
from mlserver import MLModel  # type: ignore[import-not-found]
from mlserver.codecs import NumpyCodec  # type: ignore[import-not-found]
from mlserver.types import InferenceRequest, InferenceResponse, MetadataTensor  # type: ignore[import-not-found]

_TYPES = {"tensor(int64)": "INT64", "tensor(float)": "FP32"}


class OnnxFolder(MLModel):  # type: ignore[misc]
    async def load(self) -> bool:
        self._folder = Path(self.settings.parameters.uri)
        self._session = ort.InferenceSession(self._folder / "model.onnx", providers=["CPUExecutionProvider"])
        self.inputs = [_tensor(each) for each in self._session.get_inputs()]
        self.outputs = [_tensor(each) for each in self._session.get_outputs()]
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        slow = self._folder / "slow"
        if slow.exists():
            await asyncio.sleep(float(slow.read_text()))
        inputs = {each.name: NumpyCodec.decode_input(each) for each in payload.inputs}
        names = [each.name for each in payload.outputs]
        values = self._session.run(names, inputs)
        outputs = [NumpyCodec.encode_output(name, value) for name, value in zip(names, values, strict=True)]
        return InferenceResponse(model_name=self.name, outputs=outputs)


def _tensor(arg: ort.NodeArg) -> MetadataTensor:
    shape = [size if isinstance(size, int) else -1 for size in arg.shape]
    return MetadataTensor(name=arg.name, datatype=_TYPES[arg.type], shape=shape)
