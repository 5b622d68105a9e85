"""The test that started this script, and what it does on request: phones, and comparing.

One line of JSON goes out on standard output for each thing wanted, and one comes back on standard
input when it was done.
"""

import asyncio
import json
import sys


class Stage:
    """Asks one thing at a time; notifications keep coming meanwhile."""

    def __init__(self):
        self._turn = asyncio.Lock()
        # What a library prints is no request.
        self._asks = sys.stdout
        sys.stdout = sys.stderr

    async def ask(self, **what):
        async with self._turn:
            print(json.dumps(what), file=self._asks, flush=True)
            answer = json.loads(await asyncio.to_thread(sys.stdin.readline))
        if "failed" in answer:
            raise AssertionError(answer["failed"])
        return answer

    async def phone(self, name):
        """The phone of a person, registered with the person's password; or the trunk's other side."""
        given = await self.ask(do="phone", name=name)
        return Phone(self, name, given["hertz"])


    async def nobody(self):
        """Another trunk's other side, that declines the next call."""
        await self.ask(do="decline")


class Phone:
    """A soft phone that says its own pitch all the time."""

    def __init__(self, stage, name, hertz):
        self._stage = stage
        self.name = name
        self.hertz = hertz

    async def dials(self, uri):
        await self._type("dial", uri)

    async def presses(self, key):
        await self._type("sndcode", key)

    async def accepts(self):
        """Waits until it rings, and answers."""
        await self.rings()
        await self._type("accept")
        await self.event("CALL_ESTABLISHED")

    async def rings(self):
        await self.event("CALL_INCOMING")

    async def hangs_up(self):
        """Ends its call, or turns away the one that rings."""
        await self._type("hangup")
        await self.event("CALL_CLOSED")

    async def closed(self):
        """Waits until its call is over, and says why the phone thinks so."""
        event = await self.event("CALL_CLOSED")
        return event.get("param", "")

    async def event(self, kind):
        answer = await self._stage.ask(do="wait", name=self.name, **{"for": kind})
        return answer["event"]

    async def heard(self, *hertz):
        """How many milliseconds of a tone, or of several at once, were heard in the call that is over."""
        answer = await self._stage.ask(do="heard", name=self.name, hertz=hertz)
        return answer["ms"]

    async def _type(self, command, parameters=""):
        await self._stage.ask(do="type", name=self.name, command=command, parameters=parameters)
