#!/usr/bin/env bash
# Makes the environment that `tidegate models add` is tested in: models-env.sh BIN VENV
#
# It sees the packages of the main environment and adds PyTorch and Transformers. PyTorch's build without CUDA is on no
# normal index: where pip finds it (PIP_FIND_LINKS or PIP_EXTRA_INDEX_URL says where), it is taken; else the normal
# build, which on Linux brings gigabytes of CUDA. Either is pinned by its hash.
set -euo pipefail

bin=$1
venv=$2
pip() { "$venv/bin/python" -m pip --quiet --disable-pip-version-check "$@"; }

"$bin/python" -m venv --clear "$venv"
main=$("$bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
own=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
echo "import site; site.addsitedir('$main')" > "$own/main_environment.pth"

if pip install --dry-run --no-deps --require-hashes --requirement requirements/torch-cpu.txt 2> /dev/null; then
    echo '==> PyTorch without CUDA'
    pip install --no-deps --require-hashes --requirement requirements/torch-cpu.txt
    pip install --require-hashes --requirement requirements/models-cpu.txt
else
    echo '==> PyTorch as the normal index has it (for the smaller build, tell pip where it is: docs/models.md)'
    pip install --require-hashes --requirement requirements/models.txt
fi
