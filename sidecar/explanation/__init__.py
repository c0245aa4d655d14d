"""Why a stream came out as it did: told step by step from the service's own core, for people who write policies."""
