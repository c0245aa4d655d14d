"""Outages of Kafka: what each does to events, their order, the cluster and the sidecar."""
