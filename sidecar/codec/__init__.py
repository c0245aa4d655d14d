"""Wire shapes of LLM providers: bytes in, texts out; edits in, bytes out. Pure: no I/O, no clock, no policy."""
