"""What each door adds to an exchange, beside the same with an echo. `benchmarks.door` is about the gRPC servers."""
