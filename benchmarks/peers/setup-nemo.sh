#!/usr/bin/env bash
# Makes the environment that NeMo Guardrails runs in, with Presidio: setup-nemo.sh FOLDER [PYTHON]
#
# FOLDER should lie outside the checkout; it takes about 600 MB and can be thrown away.
set -euo pipefail

folder=$1
python=${2:-python3.11}

"$python" -m venv "$folder"
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$(dirname "$0")/requirements-nemo.txt"
