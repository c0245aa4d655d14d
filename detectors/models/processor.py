"""What this machine's processor does with products of 8-bit numbers.

ONNX Runtime multiplies int8 weights on x86 by an instruction that adds two products in 16 bits. Where VNNI is missing
(servers before about 2019, AMD before Zen 4) that sum can overflow, and then a text's scores are not those of other
machines: the embedded encoder's golden inputs were off by 0.005. ONNX Runtime can do without it, exactly, at half the
speed of VNNI; so it is told to where VNNI is missing. The option does nothing on processors of other kinds.

A model whose card says `bounded` needs it nowhere: no two of its neighbouring weights can overflow
(`training/bounded.py`), which saves about an eighth of a pass without VNNI.
"""

from __future__ import annotations

from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")

EXACT = "session.x64quantprecision"
"""ONNX Runtime's setting for products that cannot overflow."""


def adds_exactly(cpuinfo: Path = _CPUINFO) -> bool:
    """Whether products of 8-bit numbers are added up exactly: the processor has VNNI. False when that is not known."""
    try:
        return "vnni" in cpuinfo.read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
