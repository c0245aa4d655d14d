"""What guarding in the mesh costs: through Envoy with and without Tidegate."""
