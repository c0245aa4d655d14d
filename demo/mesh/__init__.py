"""The demo in a mesh: the real Envoy between an application and a model, with Tidegate as its external processor."""
