"""Whether exemplars tell texts like them from others."""
