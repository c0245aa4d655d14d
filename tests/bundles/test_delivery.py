"""From a source into force: what is taken, what is refused while the former stays, and what a start finds kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import ValidationError

from sidecar.bundles import bundle as bundles
from sidecar.bundles.contents import pack, write_folder
from sidecar.config import Policies
from sidecar.errors import ConfigError
from sidecar.outbox.event import PolicyChange
from tests.app.test_reload import NEVER, Kept, eventually
from tests.bundles.making import key_pair, made, packed
from tests.policy.test_store import versions


def settings(folder: Path, source: Path | str, **changes: object) -> Policies:
    values = {"bundle": str(source), "keep": folder / "keep", "poll_seconds": 0.02, "bundle_poll_seconds": 0.02}
    return Policies.model_validate(values | changes)


@asynccontextmanager
async def running(own: Policies) -> AsyncIterator[Kept]:
    found = Kept(settings=own)
    await found.outbox.start()
    await found.reloader.load()
    await found.reloader.start()
    try:
        yield found
    finally:
        await found.reloader.stop()
        await found.outbox.stop()


def in_force(own: Kept) -> str:
    return versions(own.store)["a"]


def refusals(own: Kept) -> list[PolicyChange]:
    changes = [each.data for each in own.outbox.events if isinstance(each.data, PolicyChange)]
    return [each for each in changes if each.step == "refused"]


# -- what is taken ----------------------------------------------------------------------------------------------------


async def test_a_bundle_that_is_put_in_place_is_in_force_with_its_name_in_the_event(tmp_path: Path) -> None:
    key, public = key_pair(tmp_path)
    source = packed(tmp_path / "shop.tar.gz", made("1", key))
    async with running(settings(tmp_path, source, trusted_keys=[public], poll_seconds=NEVER)) as own:
        assert in_force(own) == "1"
        await eventually(lambda: own.reloader.is_told)
        packed(source, made("2", key))
        await eventually(lambda: in_force(own) == "2")
        await eventually(lambda: len(own.told) == 2)
        change = own.reloader.told[-1]
        assert change.bundle is not None
        assert (change.bundle.name, change.bundle.version, change.source) == ("shop", "2", "deep/a.yaml")


async def test_a_folder_is_a_bundle_too(tmp_path: Path) -> None:
    write_folder(made("1"), tmp_path / "shop")
    async with running(settings(tmp_path, tmp_path / "shop")) as own:
        assert in_force(own) == "1"


# -- what is refused --------------------------------------------------------------------------------------------------


async def test_what_is_not_signed_by_a_trusted_key_is_refused_once_and_the_former_stays(tmp_path: Path) -> None:
    (key, public), (other, _) = key_pair(tmp_path), key_pair(tmp_path, "other")
    source = packed(tmp_path / "shop.tar.gz", made("1", key))
    async with running(settings(tmp_path, source, trusted_keys=[public])) as own:
        packed(source, made("2", other))
        await eventually(lambda: len(refusals(own)) == 1)
        own.reloader.ask()
        packed(source, made("3", other))
        await eventually(lambda: 'refused"} 2.0' in own.metrics.render().decode())
        assert in_force(own) == "1"
        assert len(refusals(own)) == 1, "the same is told once"
        assert refusals(own)[0].reason.startswith("the bundle is signed by ")
        assert len(own.reloader.errors) == 1
        packed(source, made("4", key))
        await eventually(lambda: in_force(own) == "4")
        assert own.reloader.errors == []


async def test_a_bundle_with_one_wrong_policy_changes_nothing(tmp_path: Path) -> None:
    source = packed(tmp_path / "shop.tar.gz", made("1"))
    async with running(settings(tmp_path, source)) as own:
        packed(source, made("2", rules="  - {id: names, detect: {detector: wrods}, action: annotate}"))
        await eventually(lambda: bool(refusals(own)))
        assert in_force(own) == "1"
        assert refusals(own)[0].reason.startswith("shop 2: deep/a.yaml:5:")
        assert str(tmp_path) not in refusals(own)[0].reason


async def test_an_older_bundle_is_refused_unless_it_is_pinned(tmp_path: Path) -> None:
    source = packed(tmp_path / "shop.tar.gz", made("1.10"))
    async with running(settings(tmp_path, source)) as own:
        packed(source, made("1.9"))
        await eventually(lambda: bool(refusals(own)))
        assert in_force(own) == "1.10"
    async with running(settings(tmp_path, source)) as own:
        assert in_force(own) == "1.10", "what is kept is not replaced by an older one at a start either"
        assert own.reloader.delivery is not None
        assert own.reloader.delivery.is_kept
    pin = bundles.verify(made("1.9")).manifest.digest
    async with running(settings(tmp_path, source, pin=pin)) as own:
        assert in_force(own) == "1.9"


async def test_a_pin_takes_nothing_else(tmp_path: Path) -> None:
    source = packed(tmp_path / "shop.tar.gz", made("1"))
    pin = bundles.verify(made("1")).manifest.digest
    async with running(settings(tmp_path, source, pin=pin)) as own:
        source.unlink()
        assert in_force(own) == "1"
    packed(source, made("2"))
    async with running(settings(tmp_path, source, pin=pin)) as own:
        assert in_force(own) == "1"
    pin = bundles.verify(made("3")).manifest.digest
    with pytest.raises(ConfigError, match="there is no bundle that can be in force: its digest is"):
        async with running(settings(tmp_path, source, pin=pin)):
            pass


# -- what is kept -----------------------------------------------------------------------------------------------------


async def test_a_start_without_the_source_has_the_last_good_one_in_force(tmp_path: Path) -> None:
    key, public = key_pair(tmp_path)
    source = packed(tmp_path / "shop.tar.gz", made("1", key))
    async with running(settings(tmp_path, source, trusted_keys=[public])):
        pass
    source.unlink()
    async with running(settings(tmp_path, source, trusted_keys=[public])) as own:
        assert in_force(own) == "1"
        packed(source, made("2", key))
        await eventually(lambda: in_force(own) == "2")


async def test_a_start_with_a_source_that_gives_a_wrong_one_has_the_last_good_one_in_force(tmp_path: Path) -> None:
    key, public = key_pair(tmp_path)
    source = packed(tmp_path / "shop.tar.gz", made("1", key))
    async with running(settings(tmp_path, source, trusted_keys=[public])):
        pass
    packed(source, made("2"))
    async with running(settings(tmp_path, source, trusted_keys=[public])) as own:
        assert in_force(own) == "1"
        assert [each.reason[:29] for each in refusals(own)] == ["the bundle is not signed. Tru"]


async def test_what_was_kept_is_verified_again(tmp_path: Path) -> None:
    key, public = key_pair(tmp_path)
    source = packed(tmp_path / "shop.tar.gz", made("1", key))
    own = settings(tmp_path, source, trusted_keys=[public])
    async with running(own):
        pass
    source.unlink()
    (kept,) = (tmp_path / "keep").glob("*/deep/a.yaml")
    kept.write_bytes(kept.read_bytes() + b"# a remark\n")
    with pytest.raises(ConfigError, match="there is no bundle that can be in force: there is nothing at"):
        async with running(own):
            pass


async def test_only_the_last_two_are_kept(tmp_path: Path) -> None:
    source = packed(tmp_path / "shop.tar.gz", made("1"))
    async with running(settings(tmp_path, source)) as own:
        for version in ("2", "3", "4"):
            packed(source, made(version))
            await eventually(lambda: in_force(own) == version)  # noqa: B023 - it is awaited here
    assert len([each for each in (tmp_path / "keep").iterdir() if each.is_dir()]) == 2


# -- a web server -----------------------------------------------------------------------------------------------------


Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Web:
    """A server with one bundle, which says what it was asked."""

    def __init__(self) -> None:
        self.bundle = pack(made("1"))
        self.etag = '"1"'
        self.asked: list[tuple[str, str]] = []
        self.answer: Answer = self.give

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.headers.get("If-None-Match", ""), request.headers.get("Authorization", "")))
        return await self.answer(request)

    async def give(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("If-None-Match") == self.etag:
            return web.Response(status=304, headers={"ETag": self.etag})
        return web.Response(body=self.bundle, headers={"ETag": self.etag})


@asynccontextmanager
async def serving(own: Web) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/{path:.*}", own.handle)
    async with TestServer(app) as server:
        yield str(server.make_url("/bundles/shop.tar.gz?sig=secret"))


async def test_a_server_is_asked_for_news_by_its_own_name_for_what_there_is(tmp_path: Path) -> None:
    key, public = key_pair(tmp_path)
    token = tmp_path / "token"
    token.write_text("one\n")
    web_server = Web()
    web_server.bundle = pack(made("1", key))
    async with serving(web_server) as url:
        own = settings(tmp_path, url, trusted_keys=[public], bundle_token_file=token)
        async with running(own) as kept:
            assert in_force(kept) == "1"
            await eventually(lambda: len(web_server.asked) > 2)
            assert web_server.asked[:2] == [("", "Bearer one"), ('"1"', "Bearer one")]
            token.write_text("two\n")
            await eventually(lambda: web_server.asked[-1] == ('"1"', "Bearer two"))
            web_server.bundle, web_server.etag = pack(made("2", key)), '"2"'
            await eventually(lambda: in_force(kept) == "2")
            assert kept.reloader.delivery is not None
            assert "secret" not in kept.reloader.delivery.source
            assert b'tidegate_bundle_looks_total{result="same"}' in kept.metrics.render()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda _: _redirect("http://127.0.0.2:1/x?y"), "leads to another server, http://127.0.0.2:1/x, which"),
        (lambda _: _redirect("/bundles/again"), "leads on more than 3 times"),
        (lambda _: _status(401), "answers 401. Set policies.bundle_token_file"),
        (lambda _: _status(500), "answers 500"),
        (lambda _: asyncio.sleep(60), "does not answer (TimeoutError)"),
        (lambda _: _body(bytes(2000)), "it is no .tar.gz that can be read"),
        (lambda _: _body(bytes(40_000)), "it is larger than 20000 bytes"),
    ],
    ids=["another server", "in a circle", "no token", "broken", "slow", "no bundle", "too large"],
)
async def test_a_server_that_gives_none_leaves_the_last_good_one_in_force(
    answer: Answer, said: str, tmp_path: Path
) -> None:
    web_server = Web()
    key, public = key_pair(tmp_path)
    web_server.bundle = pack(made("1", key))
    async with serving(web_server) as url:
        seconds = 2 if "Timeout" in said else 20
        own = settings(tmp_path, url, trusted_keys=[public], bundle_timeout_seconds=seconds, max_bundle_bytes=20_000)
        async with running(own) as kept:
            web_server.answer = answer
            delivery = kept.reloader.delivery
            assert delivery is not None
            await eventually(lambda: said in delivery.away + delivery.refused)
            assert "secret" not in delivery.away + delivery.refused
            assert in_force(kept) == "1"
            web_server.answer = web_server.give
            web_server.bundle, web_server.etag = pack(made("2", key)), '"2"'
            await eventually(lambda: in_force(kept) == "2")
            assert (delivery.away, delivery.refused) == ("", "")


async def _redirect(where: str) -> web.StreamResponse:
    return web.Response(status=302, headers={"Location": where})


async def _status(status: int) -> web.StreamResponse:
    return web.Response(status=status)


async def _body(data: bytes) -> web.StreamResponse:
    return web.Response(body=data)


async def test_a_redirect_within_the_server_is_followed(tmp_path: Path) -> None:
    web_server = Web()
    key, public = key_pair(tmp_path)
    web_server.bundle = pack(made("1", key))

    async def lead(request: web.Request) -> web.StreamResponse:
        return await (web_server.give(request) if request.path == "/there" else _redirect("/there"))

    web_server.answer = lead
    async with serving(web_server) as url, running(settings(tmp_path, url, trusted_keys=[public])) as own:
        assert in_force(own) == "1"


# -- settings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"pin": "sha256:" + "0" * 64}, "pin is about a bundle, and `bundle` is not set"),
        ({"bundle": "http://x/shop.tar.gz"}, "set trusted_keys"),
        ({"bundle": "shop.tar.gz", "pin": "7"}, "must be a digest: `sha256:` and 64 hex"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Policies.model_validate(values)


def test_a_key_that_is_none_is_told_with_its_setting(tmp_path: Path) -> None:
    (tmp_path / "team.pub").write_text("no key")
    with pytest.raises(ConfigError, match=r"policies\.trusted_keys: .*team\.pub holds no public Ed25519 key"):
        Kept(settings=settings(tmp_path, "shop.tar.gz", trusted_keys=[tmp_path / "team.pub"]))
