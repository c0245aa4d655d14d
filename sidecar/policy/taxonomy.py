"""The published lists that tags of rules name, so that events can be counted by them.

* `owasp`: OWASP Top 10 for LLM Applications, version 2025 (November 2024), and OWASP Top 10 for Agentic Applications,
  version 2026 (December 2025), by the OWASP GenAI Security Project.
* `atlas`: MITRE ATLAS, techniques and sub-techniques that concern language models and agents, as of its data of 2025.
* `nist`: the twelve risks of NIST AI 600-1 (July 2024), by section, and the subcategories of NIST's AI Risk Management
  Framework 1.0 (January 2023).

What a rule does not say follows from the detector and the label that it found: `DEFAULTS` has what is plainly meant,
and nothing for what an author's own patterns and topics are about.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

Tags: TypeAlias = Mapping[str, tuple[str, ...]]
"""Entries by list."""

_OWASP = {
    "LLM01:2025": "Prompt Injection",
    "LLM02:2025": "Sensitive Information Disclosure",
    "LLM03:2025": "Supply Chain",
    "LLM04:2025": "Data and Model Poisoning",
    "LLM05:2025": "Improper Output Handling",
    "LLM06:2025": "Excessive Agency",
    "LLM07:2025": "System Prompt Leakage",
    "LLM08:2025": "Vector and Embedding Weaknesses",
    "LLM09:2025": "Misinformation",
    "LLM10:2025": "Unbounded Consumption",
    "ASI01:2026": "Agent Goal Hijack",
    "ASI02:2026": "Tool Misuse and Exploitation",
    "ASI03:2026": "Identity and Privilege Abuse",
    "ASI04:2026": "Agentic Supply Chain Vulnerabilities",
    "ASI05:2026": "Unexpected Code Execution",
    "ASI06:2026": "Memory and Context Poisoning",
    "ASI07:2026": "Insecure Inter-Agent Communication",
    "ASI08:2026": "Cascading Failures",
    "ASI09:2026": "Human-Agent Trust Exploitation",
    "ASI10:2026": "Rogue Agents",
}
_ATLAS = {
    "AML.T0010": "AI Supply Chain Compromise",
    "AML.T0015": "Evade AI Model",
    "AML.T0018": "Manipulate AI Model",
    "AML.T0020": "Poison Training Data",
    "AML.T0024": "Exfiltration via AI Inference API",
    "AML.T0025": "Exfiltration via Cyber Means",
    "AML.T0029": "Denial of AI Service",
    "AML.T0031": "Erode AI Model Integrity",
    "AML.T0034": "Cost Harvesting",
    "AML.T0040": "AI Model Inference API Access",
    "AML.T0043": "Craft Adversarial Data",
    "AML.T0048": "External Harms",
    "AML.T0048.003": "External Harms: User Harm",
    "AML.T0050": "Command and Scripting Interpreter",
    "AML.T0051": "LLM Prompt Injection",
    "AML.T0051.000": "LLM Prompt Injection: Direct",
    "AML.T0051.001": "LLM Prompt Injection: Indirect",
    "AML.T0052": "Phishing",
    "AML.T0053": "AI Agent Tool Invocation",
    "AML.T0054": "LLM Jailbreak",
    "AML.T0055": "Unsecured Credentials",
    "AML.T0056": "Extract LLM System Prompt",
    "AML.T0057": "LLM Data Leakage",
    "AML.T0058": "Publish Poisoned Models",
    "AML.T0059": "Erode Dataset Integrity",
    "AML.T0060": "Publish Hallucinated Entities",
    "AML.T0061": "LLM Prompt Self-Replication",
    "AML.T0062": "Discover LLM Hallucinations",
    "AML.T0065": "LLM Prompt Crafting",
    "AML.T0066": "Retrieval Content Crafting",
    "AML.T0067": "LLM Trusted Output Components Manipulation",
    "AML.T0068": "LLM Prompt Obfuscation",
    "AML.T0069": "Discover LLM System Information",
    "AML.T0070": "RAG Poisoning",
    "AML.T0071": "False RAG Entry Injection",
    "AML.T0077": "LLM Response Rendering",
    "AML.T0080": "AI Agent Context Poisoning",
    "AML.T0081": "Modify AI Agent Configuration",
    "AML.T0082": "RAG Credential Harvesting",
    "AML.T0083": "Credentials from AI Agent Configuration",
    "AML.T0084": "Discover AI Agent Configuration",
    "AML.T0085": "Data from AI Services",
    "AML.T0086": "Exfiltration via AI Agent Tool Invocation",
}
_RISKS = (
    "CBRN Information or Capabilities",
    "Confabulation",
    "Dangerous, Violent, or Hateful Content",
    "Data Privacy",
    "Environmental Impacts",
    "Harmful Bias or Homogenization",
    "Human-AI Configuration",
    "Information Integrity",
    "Information Security",
    "Intellectual Property",
    "Obscene, Degrading, and/or Abusive Content",
    "Value Chain and Component Integration",
)
_SUBCATEGORIES = {
    "GOVERN": (7, 3, 2, 3, 2, 2),
    "MAP": (6, 3, 5, 2, 2),
    "MEASURE": (3, 13, 3, 3),
    "MANAGE": (4, 4, 2, 3),
}
"""How many subcategories each category of the framework's functions has."""

SCHEMES: Mapping[str, Mapping[str, str]] = {
    "owasp": _OWASP,
    "atlas": _ATLAS,
    "nist": {
        **{f"AI.600-1:2.{number}": name for number, name in enumerate(_RISKS, start=1)},
        **{
            f"{function}-{category}.{number}": f"{function} {category}.{number}"
            for function, counts in _SUBCATEGORIES.items()
            for category, count in enumerate(counts, start=1)
            for number in range(1, count + 1)
        },
    },
}
"""The entries of each list, with their names."""

_DISCLOSURE = {"owasp": ("LLM02:2025",), "atlas": ("AML.T0057",)}
_HATE = {"nist": ("AI.600-1:2.3",)}
_ABUSE = {"nist": ("AI.600-1:2.11",)}

DEFAULTS: Mapping[tuple[str, str], Tags] = {
    ("injection", "injection"): {"owasp": ("LLM01:2025",), "atlas": ("AML.T0051.000",), "nist": ("AI.600-1:2.9",)},
    ("injection", "indirect_injection"): {
        "owasp": ("LLM01:2025", "ASI01:2026"),
        "atlas": ("AML.T0051.001",),
        "nist": ("AI.600-1:2.9",),
    },
    ("invisible_text", ""): {"owasp": ("LLM01:2025",), "atlas": ("AML.T0068",), "nist": ("AI.600-1:2.9",)},
    ("links", "DATA_LINK"): {"owasp": ("LLM02:2025", "LLM05:2025"), "atlas": ("AML.T0077",), "nist": ("AI.600-1:2.9",)},
    ("links", "IMAGE"): {"owasp": ("LLM05:2025",), "atlas": ("AML.T0077",), "nist": ("AI.600-1:2.9",)},
    ("links", ""): {"owasp": ("LLM05:2025",), "nist": ("AI.600-1:2.9",)},
    ("pii", ""): {**_DISCLOSURE, "nist": ("AI.600-1:2.4",)},
    ("secrets", ""): {**_DISCLOSURE, "nist": ("AI.600-1:2.9",)},
    ("grounding", ""): {"owasp": ("LLM09:2025",), "nist": ("AI.600-1:2.2",)},
    ("task_adherence", ""): {"owasp": ("LLM06:2025", "ASI01:2026"), "atlas": ("AML.T0053",)},
    ("tools", ""): {"owasp": ("LLM06:2025", "ASI02:2026"), "atlas": ("AML.T0053",)},
    **{("toxicity", label): _HATE for label in ("identity_attack", "self_harm", "threat", "violence")},
    ("toxicity", ""): _ABUSE,
}
"""What a finding is, by detector and label; without a label: all others of the detector."""


def tags_of(detector: str, label: str, stated: Tags) -> Tags:
    """The tags of a finding: of each list what the rule states, else what is plainly meant; empty ones are left out."""
    plain = DEFAULTS.get((detector, label)) or DEFAULTS.get((detector, ""), {})
    return {scheme: entries for scheme, entries in {**plain, **stated}.items() if entries}
