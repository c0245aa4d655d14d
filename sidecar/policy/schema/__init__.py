"""The policy language: the models that parse it.

The models are strict: no unknown key, no silent conversion. They are fed JSON, where strictness still takes a list
for a tuple and a word for an enum's member. What a detector takes beside `detector`, `labels` and `threshold` is the
detector's own business (`DetectorType.params`); the compiler checks it, and the JSON Schema has one branch per
detector for it.

YAML is read as version 1.2, so `off` and `no` are words. Still no key of this language takes `off`: other tools that
read the file as YAML 1.1 would see `false`.

| module | has |
| --- | --- |
| `base` | what all parts share: strictness, names, scores |
| `policy` | the whole document, and who the policy is |
| `match` | which streams take it |
| `stream` | how text is held |
| `rules` | one rule |
| `detect` | what a rule looks for |
| `actions` | what is done about it |
| `cases` | the policy's tests |
"""
