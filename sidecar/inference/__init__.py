"""Models that run on an inference server: the Open Inference Protocol v2 over gRPC."""
