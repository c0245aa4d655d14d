#!/usr/bin/env bash
# Makes the environment that `tidegate models add` is tested in: models-env.sh BIN VENV
#
# It sees the packages of the main environment and adds PyTorch and Transformers. The locks name every package, so pip has
# nothing to resolve.
set -euo pipefail

bin=$1
venv=$2

"$bin/python" -m venv --clear "$venv"
main=$("$bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
own=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
echo "import site; site.addsitedir('$main')" > "$own/main_environment.pth"

torch=$(scripts/torch.sh "$venv/bin/python")
for requirements in "$torch" requirements/models.txt; do
    "$venv/bin/python" -m pip --quiet --disable-pip-version-check install --no-deps --require-hashes --requirement "$requirements"
done
