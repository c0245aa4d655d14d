#!/usr/bin/env bash
# Makes the environment that LLM Guard runs in, and models for it: setup.sh FOLDER [PYTHON]
#
# FOLDER should lie outside the checkout; it takes about 5 GB and can be thrown away. A build of PyTorch without CUDA, where
# pip is told of one, saves most of it.
set -euo pipefail

folder=$1
python=${2:-python3.11}
here=$(dirname "$0")

"$python" -m venv "$folder"
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
"$folder/bin/python" "$here/make_models.py" "$folder/models" "$here/../../models_onnx/tidegate-encoder/tokenizer.json"
