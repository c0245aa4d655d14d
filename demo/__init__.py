"""The demo: conversations streamed token by token through a real sidecar, and their violations read back from Kafka.

    python -m demo [--tokens-per-second N]

1. `broker` starts an embedded Kafka broker, `service` creates the topics and starts the sidecar beside it.
2. `play` streams each of the `conversations` through `tidegate.AsyncClient`; `screen` shows what came in, what is held
   and what was let out.
3. `topic` reads the violations back with a consumer of its own.
4. `verdict` compares what happened with what had to happen; the exit status is 0 only if nothing is missing.

Everything it starts ends with it. What the conversations hold is made up.
"""
