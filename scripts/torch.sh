#!/usr/bin/env bash
# Prints which lock of PyTorch to install: torch.sh PYTHON
#
# PyTorch's build without CUDA is on no normal index: where pip finds it (PIP_FIND_LINKS or PIP_EXTRA_INDEX_URL says where),
# it is taken; else the normal build, which on Linux brings gigabytes of CUDA. Either is pinned by its hash.
set -euo pipefail

lock=requirements/torch-cpu.txt
if ! "$1" -m pip install --quiet --dry-run --no-deps --require-hashes --requirement "$lock" > /dev/null 2>&1; then
    lock=requirements/torch.txt
    echo '==> PyTorch as the normal index has it (for the smaller build, tell pip where it is: docs/models.md)' >&2
fi
echo "$lock"
