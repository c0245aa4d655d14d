"""A server of MCP over standard input and output that says what it is told, and nothing else: the bare exchange."""

from __future__ import annotations

import json
import sys


def main() -> None:
    """Answer each call with the text in it."""
    for line in sys.stdin:
        call = json.loads(line)
        result = {"content": [{"type": "text", "text": call["params"]["arguments"]["text"]}]}
        sys.stdout.write(json.dumps({"jsonrpc": "2.0", "id": call["id"], "result": result}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
