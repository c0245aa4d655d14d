"""A webhook's receiver in a process of its own, so that its work is not counted: prints its port, takes everything."""

from __future__ import annotations

import asyncio

from aiohttp import web


async def serve() -> None:
    """Answer 204 until the process is ended."""
    application = web.Application(client_max_size=64 * 1024 * 1024)
    application.router.add_post("/in", _take)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


async def _take(request: web.Request) -> web.Response:
    await request.read()
    return web.Response(status=204)


if __name__ == "__main__":
    asyncio.run(serve())
