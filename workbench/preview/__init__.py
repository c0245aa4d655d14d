"""What a change of policies would do: recorded conversations through two versions, beside each other.

| module | has |
| --- | --- |
| `traffic` | conversations, from JSON lines, Parquet and events |
| `topic` | the same, from a topic of Kafka |
| `replay` | one conversation through both versions, by the service's own core |
| `tally` | counts of what changes, which can be added up |
| `confusion` | how both versions agree with what analysts said |
| `veil` | texts that may be shown: without what is sensitive |
| `spread` | batches of conversations, on several processes or machines |
| `limits` | how much may change |
| `report`, `page` | what came of it, for people and programs |
| `recording` | tests made of conversations |
"""
