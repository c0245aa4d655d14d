"""The APIs that are known, a file each: `catalogue` lists them."""
