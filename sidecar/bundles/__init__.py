"""Bundles: policies as one signed thing, from where they are made to where they are in force.

A bundle is a folder, or a `.tar.gz` of it: policy files, `manifest.json` (name, version, what the files hash to, and
one digest of it all) and `manifest.sig` (Ed25519 signatures of the manifest's bytes). `docs/operations.md` says how to
use them, ADR 0038 why they are so.
"""
