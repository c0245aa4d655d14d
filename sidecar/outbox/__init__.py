"""Events: what is recorded before an action shows, kept through outages, and published to Kafka."""
