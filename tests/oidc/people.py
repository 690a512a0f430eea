"""Somebody with a browser that has no windows: follows links and fills in the provider's forms."""

import re
from html import unescape
from urllib.parse import urljoin

import httpx

_ACTION = re.compile(r'<form[^>]*action="([^"]+)"')
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')


async def sign_in(browser: httpx.AsyncClient, start: str, name: str) -> httpx.Response:
    """Begin at the gateway, sign in at the provider, and come back; gives the last answer."""
    answer = await browser.get(start, follow_redirects=True)
    while (action := _ACTION.search(answer.text)) and "/interaction/" in action[1]:
        form = {key: unescape(value) for key, value in _HIDDEN.findall(answer.text)}
        if form.get("prompt") == "login":
            form |= {"login": name, "password": "any"}
        answer = await browser.post(
            urljoin(str(answer.url), unescape(action[1])), data=form, follow_redirects=True
        )
    return answer
