"""What was found in policies, in the forms that others read: JSON, SARIF 2.1.0, GitHub's annotations, JUnit's XML.

A problem is a `PolicyError` with its code; so is a test that failed. Everything here is pure: it makes texts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote
from xml.etree import ElementTree as Xml

from sidecar.errors import PolicyError
from sidecar.policy.codes import ABOUT, Code, Level, level_of
from sidecar.version import tidegate_version

Form = Literal["text", "json", "sarif", "github", "junit"]
FORMS: tuple[Form, ...] = ("text", "json", "sarif", "github", "junit")

_SARIF_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Checked:
    """One thing that was checked, a file or a test, and what is wrong with it, if anything."""

    group: str
    name: str
    problem: PolicyError | None = None


def level(problem: PolicyError) -> Level:
    """Whether a problem stops the policy from being loaded."""
    return level_of(Code(problem.code)) if problem.code else "error"


def sentence(problem: PolicyError) -> str:
    """What is wrong and what to do."""
    return f"{problem.message.rstrip('.')}. {problem.remedy}".rstrip()


def line(problem: PolicyError) -> str:
    """`file:line:column: error TG101: path: message. remedy`; what is unknown is left out."""
    kind = f"{level(problem)} {problem.code}".rstrip()
    return ": ".join(part for part in (problem.place, kind, problem.path, sentence(problem)) if part)


def checked(problem: PolicyError) -> Checked:
    """A problem of a file as a thing that was checked."""
    return Checked(problem.file, f"{problem.code} {problem.path or 'file'} (line {problem.line})", problem)


def described(problem: PolicyError) -> dict[str, Any]:
    """A problem as JSON."""
    keys = ("code", "file", "line", "column", "path", "message", "remedy")
    return {key: getattr(problem, key) for key in keys}


def counted(number: int, one: str, many: str = "") -> str:
    """A number with its noun."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def rendered(checked: Sequence[Checked], form: Literal["sarif", "github", "junit"]) -> str:
    """What was checked, in one of the forms that others define."""
    problems = [each.problem for each in checked if each.problem is not None]
    match form:
        case "sarif":
            return sarif(problems)
        case "github":
            return github(problems)
        case "junit":
            return junit(checked)


def github(problems: Iterable[PolicyError]) -> str:
    """Workflow commands, of which GitHub makes annotations beside the lines of a pull request."""
    return "".join(f"::{level(each)} {_properties(each)}::{_escaped(_told(each))}\n" for each in problems)


def sarif(problems: Sequence[PolicyError]) -> str:
    """A log of SARIF 2.1.0 with one run."""
    codes = sorted({each.code for each in problems if each.code})
    driver = {
        "name": "tidegate-policy",
        "version": tidegate_version(),
        "rules": [_sarif_rule(Code(code)) for code in codes],
    }
    results = [_sarif_result(each, codes) for each in problems]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return (
        json.dumps({"$schema": _SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False) + "\n"
    )


def junit(checked: Iterable[Checked]) -> str:
    """JUnit's XML: a suite for each group. Warnings are what a case printed; errors are failures."""
    root = Xml.Element("testsuites", name="tidegate policy")
    suites: dict[str, Xml.Element] = {}
    for each in checked:
        suite = suites.get(each.group)
        if suite is None:
            suite = suites[each.group] = Xml.SubElement(
                root, "testsuite", name=_xml(each.group), errors="0", skipped="0"
            )
        case = Xml.SubElement(suite, "testcase", classname=_xml(each.group), name=_xml(each.name))
        if each.problem is not None:
            _add_problem(case, each.problem)
    for element in (root, *suites.values()):
        element.set("tests", str(len(list(element.iter("testcase")))))
        element.set("failures", str(len(list(element.iter("failure")))))
    Xml.indent(root)
    return Xml.tostring(root, encoding="unicode", xml_declaration=False) + "\n"


def _told(problem: PolicyError) -> str:
    return f"{problem.path}: {sentence(problem)}" if problem.path else sentence(problem)


# --- GitHub ----------------------------------------------------------------------------------------------------------


def _properties(problem: PolicyError) -> str:
    title = ABOUT[Code(problem.code)].title if problem.code else ""
    stated = {
        "file": problem.file,
        "line": str(problem.line or ""),
        "col": str(problem.column or ""),
        "title": f"{problem.code} {title}".strip(),
    }
    values = ((key, _escaped(value).replace(":", "%3A").replace(",", "%2C")) for key, value in stated.items() if value)
    return ",".join(f"{key}={value}" for key, value in values)


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


# --- SARIF -----------------------------------------------------------------------------------------------------------


def _sarif_rule(code: Code) -> dict[str, Any]:
    about = ABOUT[code]
    return {
        "id": code.value,
        "name": "".join(word.capitalize() for word in code.name.split("_")),
        "shortDescription": {"text": about.title},
        "fullDescription": {"text": about.why},
        "help": {"text": about.remedy},
        "defaultConfiguration": {"level": level_of(code)},
    }


def _sarif_result(problem: PolicyError, codes: Sequence[str]) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": {"uri": _uri(problem.file)}}
    if problem.line:
        place["region"] = {"startLine": problem.line, "startColumn": max(problem.column, 1)}
    location: dict[str, Any] = {"physicalLocation": place}
    if problem.path:
        location["logicalLocations"] = [{"fullyQualifiedName": problem.path}]
    rule = {"ruleId": problem.code, "ruleIndex": codes.index(problem.code)} if problem.code else {}
    return rule | {"level": level(problem), "message": {"text": sentence(problem)}, "locations": [location]}


def _uri(file: str) -> str:
    path = Path(file)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())


# --- JUnit -----------------------------------------------------------------------------------------------------------


def _add_problem(case: Xml.Element, problem: PolicyError) -> None:
    text = _xml(line(problem))
    if level(problem) == "warning":
        Xml.SubElement(case, "system-out").text = text
    else:
        summary = _xml(sentence(problem).partition("\n")[0])
        failure = Xml.SubElement(case, "failure", type=problem.code or "error", message=summary)
        failure.text = text


def _xml(text: str) -> str:
    """Text without the characters that XML does not have."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
