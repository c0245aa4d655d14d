"""Remote guard models that are asked about findings whose scores are unclear: ADR 0050, docs/judge.md."""
