"""The workshop beside the service: load, measured quality, models taken over. Loaded only when asked for."""
