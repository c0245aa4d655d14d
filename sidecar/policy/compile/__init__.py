"""The steps of the compiler, each of which notes what is wrong instead of stopping at it.

| module | has |
| --- | --- |
| `refusals` | what was found wrong, with its place |
| `detection` | what a rule looks for: detector, parameters, labels, whom it reads |
| `actions` | what a rule does: operators, messages, what goes with what |
| `sessions` | what the policy makes of sessions |
| `rules` | one rule, from its parts |
| `whole` | what concerns the whole policy, and its tests |
"""
