"""ONNX models: folders with a card, sessions sized to the container, tokenizers."""
