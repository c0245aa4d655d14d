"""The operator's page on the admin port: what happens here just now, and why a stream was stopped."""
