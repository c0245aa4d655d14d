"""Policies of those who come from another product: what its users have is read, never run, and written anew.

1. `reading`: files of strangers, bounded: YAML, JSON and XML as plain values with their lines.
2. `llm_guard`, `guardrails_ai`, `nemo`: what each thing of theirs is here, rule by rule, or why it is nothing.
3. `draft`: the rules, and what could not be carried over as it was; `writing` checks each and writes the policy.

What it does not promise: that two models judge alike. What rests on a model of theirs rests on one of ours.
"""
