# ruff: noqa: TID251, T201  it is a program of its own
"""A little service for tests: answers its version, counts requests, fails as its environment says.

Run as a script with PORT. It dies at once when asked to stop, so a request that comes after its
drain is a request lost.
"""

import asyncio
import os
import sys

VERSION = os.environ.get("VERSION", "v1")
FAILING = os.environ.get("FAILING") == "yes"
UNREADY = os.environ.get("UNREADY") == "yes"
CRASH_AFTER = os.environ.get("CRASH_AFTER")
served = [0]


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            path = head.split(b" ", 2)[1].decode()
            status, body = 200, VERSION
            if path.startswith("/readyz"):
                status = 503 if UNREADY else 200
            elif path.startswith("/served"):
                body = str(served[0])
            else:
                served[0] += 1
                status = 500 if FAILING else 200
                if path.startswith("/slow"):
                    await asyncio.sleep(1.0)
            writer.write(
                f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
            )
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def main() -> None:
    await asyncio.sleep(float(os.environ.get("START_AFTER", "0")))
    server = await asyncio.start_server(answer, "127.0.0.1", int(os.environ["PORT"]))
    if CRASH_AFTER is not None:
        asyncio.get_running_loop().call_later(float(CRASH_AFTER), os._exit, 3)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    print("listening", sys.argv, flush=True)
    asyncio.run(main())
