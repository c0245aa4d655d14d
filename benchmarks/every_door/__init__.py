"""What each door adds to an exchange, beside the same exchange with an echo. `benchmarks.door` is about gRPC servers."""
