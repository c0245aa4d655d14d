"""The README's examples work as they stand: its policy passes its own tests, its code prints what it says."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from detectors import registry
from sidecar.cli import main
from sidecar.policy.compiler import compile_file
from sidecar.policy.plan import Plan
from tests.servers import serving

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
ADDRESS = "127.0.0.1:50051"


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


def _commands() -> list[str]:
    """Every `tidegate` command line in the README, without what stands before or behind it."""
    lines = [line for block in _blocks("sh") for line in block.splitlines()]
    return [found.group(1) for line in lines if (found := re.search(r"(?:^|\| |\S+=\S+ )(tidegate .*)", line))]


def _figures(name: str) -> Any:
    return json.loads((ROOT / "benchmarks/results" / f"{name}.json").read_text())["figures"]


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("readme") / "support-bot.yaml"
    path.write_text(_blocks("yaml")[0])
    return path


@pytest.fixture(scope="module")
def plan(policy: Path) -> Plan:
    compiled = compile_file(policy, None, catalog=registry)
    assert compiled.errors == ()
    return compiled.policies[0][1]


def test_the_policy_passes_its_own_tests(policy: Path) -> None:
    done = CliRunner().invoke(main, ["policy", "test", str(policy)])

    assert done.exit_code == 0, done.output


def test_the_guard_command_prints_what_would_be_let_out(policy: Path) -> None:
    line = next(line for line in README.splitlines() if line.startswith("echo ") and "tidegate guard" in line)
    _, text, _, _, *arguments = shlex.split(line)
    arguments[arguments.index("policies/")] = str(policy.parent)

    done = CliRunner().invoke(main, arguments, input=f"{text}\n")

    assert done.exit_code == 0, done.output
    assert done.stdout == "your card •••• •••• •••• 1111 was charged\n"


@pytest.mark.parametrize("code", _blocks("python"), ids=["blocking", "asyncio"])
async def test_the_client_prints_what_the_readme_says(
    code: str, plan: Plan, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = re.findall(r"^# prints: (.*)$", code, flags=re.MULTILINE)
    assert ADDRESS in code

    async with serving(plan) as server:
        # In a thread, as the program that it is: the server needs this one's event loop.
        await asyncio.to_thread(exec, code.replace(ADDRESS, server.address), {"__name__": "__main__"})

    assert capsys.readouterr().out.splitlines() == expected


@pytest.mark.parametrize("command", sorted(set(_commands())))
def test_every_command_line_is_one_that_exists(command: str) -> None:
    """With `--help` a command line is parsed and not run; an unknown command or option is an error all the same."""
    done = CliRunner().invoke(main, [*shlex.split(command)[1:], "--help"])

    assert done.exit_code == 0, done.output


def test_the_figures_are_those_of_the_results() -> None:
    costs = {(cost["kind"], cost["chars"]): cost for cost in _figures("stream_cost")["costs"]}
    longest = costs["without", 64_000]
    quality, stream = _figures("pii_quality"), _figures("memory")["rounds"][-1]
    labels = ("CREDIT_CARD", "EMAIL_ADDRESS", "PHONE_NUMBER")
    recalls = {
        name: ", ".join(f"{quality['labels'][name][label]['recall']:.2f}" for label in labels)
        for name in ("tidegate", "presidio")
    }
    ratios = [each["ratio"] for each in _figures("cost")["cost"] if each["tokens_per_message"] == 1]
    figures = [
        re.split(r" \| ", line)[1:3] for line in README.splitlines() if re.match(r"\|.*\]\(benchmarks/results/", line)
    ]

    assert figures == [
        [f"{longest['ms']:.1f} ms", f"{longest['presidio_ms']:.0f} ms (one pass over the whole text)"],
        [f"{longest['held_median']} and {longest['held_p99']}", "does not stream"],
        [f"{min(ratios):.1f} to {max(ratios):.1f}", "does not stream"],
        [f"{quality['alarms'][name]['flagged']} of {quality['alarms'][name]['rows']}" for name in recalls],
        [recalls["tidegate"], recalls["presidio"]],
        [f"{stream['kib_per_stream']:.0f} KiB", "does not stream"],
    ]


def test_the_table_of_commands_is_complete() -> None:
    context = click.Context(main)
    documented = {
        (name, part or None)
        for name, parts in re.findall(r"^\| `tidegate (\w+)(?: ([^`]+))?` \|", README, flags=re.MULTILINE)
        for part in (parts.split("\\|") if parts else [""])
    }
    there = set()
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        parts = command.list_commands(context) if isinstance(command, click.Group) else [None]
        there |= {(name, part) for part in parts}

    assert documented == there
