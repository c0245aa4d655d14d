"""What the service's two gRPC servers cost, and what floods do to each."""
