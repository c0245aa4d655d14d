"""Quality of the model detectors, as they are served, beside the tools that people use for the same."""
