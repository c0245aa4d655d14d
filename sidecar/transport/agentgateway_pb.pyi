from typing import Any

SERVICE: str

def __getattr__(name: str) -> Any: ...
