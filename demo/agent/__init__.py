"""An agent with tools, guarded: its words and calls by the proxy, its tools' servers by both relays of MCP."""
