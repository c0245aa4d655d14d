"""The edge: wire messages become plain values here, and plain values wire messages."""
