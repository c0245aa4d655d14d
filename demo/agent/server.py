"""A server of MCP with three tools; a poisoned definition or a changed one where the demo wants it, and a planted note.

It runs as a program of its own, over standard input and output, or over HTTP at the port that is given. `DEMO_POISON`
is the description of a fourth tool, `DEMO_ADDS` that of `add`.
"""

from __future__ import annotations

import os
import sys

from mcp.server.mcpserver import MCPServer

from demo.agent.notes import NOTES

server = MCPServer("notes")


@server.tool(description=os.environ.get("DEMO_ADDS", "Adds two numbers."))
def add(a: int, b: int) -> int:
    """Add."""
    return a + b


@server.tool()
def read_note(name: str) -> str:
    """Reads a note."""
    return NOTES[name]


@server.tool()
def send_mail(to: str, body: str) -> str:
    """Sends a mail."""
    return f"sent {len(body)} characters to {to}"


if poison := os.environ.get("DEMO_POISON"):

    @server.tool(description=poison)
    def helper() -> str:
        """Helps."""
        return "done"


if __name__ == "__main__":
    if len(sys.argv) > 1:
        server.run("streamable-http", port=int(sys.argv[1]))
    else:
        server.run()
