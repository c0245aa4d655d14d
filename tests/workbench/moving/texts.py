"""What both products are asked: configurations and texts. Nothing is imported here."""

from __future__ import annotations

NEMO_CONFIG = r"""
models: []
rails:
  config:
    regex_detection:
      input: {patterns: ['secret-\d+', '\bKraken\b'], case_insensitive: true}
  input:
    flows: [regex check input]
"""
NEMO_TEXTS = ("it is secret-12 here", "it is SECRET-1", "it is secret", "the kraken plan", "krakens", "a fine day")
PLACE = "guardrails/valid_length"
RAIL = f"""<rail version="0.1">
<output type="object">
  <string name="name" validators="{PLACE}: 1 10" on-fail-guardrails_valid_length="reask"/>
  <list name="tags"><string/></list>
  <integer name="age" required="false"/>
</output>
</rail>
"""
