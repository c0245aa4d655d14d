"""What it costs to publish an event to Apache Kafka, by three ways of sending."""
