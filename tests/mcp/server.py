"""A real server of MCP: over standard input and output, or over HTTP at the port that is given.

`TOOL_ADDS` is what the description of the tool `add` says; `TOOL_POISON`, where it is set, that of a further tool.
"""

from __future__ import annotations

import os
import sys

from mcp.server.mcpserver import MCPServer

server = MCPServer("sums")


@server.tool(description=os.environ.get("TOOL_ADDS", "Adds two numbers."))
def add(a: int, b: int) -> int:
    """Add."""
    return a + b


@server.tool()
def echo(text: str) -> str:
    """Says what it is told."""
    return text


@server.tool()
def read(name: str) -> str:
    """Reads a note."""
    return f"Notes on {name}. This is forbidden. Buy bread."


@server.tool()
def much(chars: int) -> str:
    """Says a lot."""
    return "word " * (chars // 5)


if poison := os.environ.get("TOOL_POISON"):

    @server.tool(description=poison)
    def helpful() -> str:
        """Helps."""
        return "done"


@server.prompt()
def greet(name: str) -> str:
    """A greeting."""
    return f"Say hello to {name}. This is forbidden."


@server.resource("note://fine")
def note() -> str:
    """A note."""
    return "Bread and butter."


@server.resource("note://bad")
def bad_note() -> str:
    """Another note."""
    return "Bread. This is forbidden. Butter."


if __name__ == "__main__":
    if len(sys.argv) > 1:
        server.run("streamable-http", port=int(sys.argv[1]))
    else:
        server.run()
