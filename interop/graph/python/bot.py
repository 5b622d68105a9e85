"""A bot on Microsoft's client for Python, with nothing of its own but its addresses."""

import asyncio
import json
import os
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import jwt
from aiohttp import web
from azure.identity import ClientSecretCredential
from kiota_authentication_azure.azure_identity_authentication_provider import (
    AzureIdentityAuthenticationProvider,
)
from msgraph import GraphRequestAdapter, GraphServiceClient

import sound

# Longer than anything the platform does by itself in a scenario, on a machine that is busy.
SOON = 20.0


def credential_of(platform, app):
    """The application's secret, for another login authority."""
    return ClientSecretCredential(
        app["tenant"],
        app["app_id"],
        app["secret"],
        authority=platform["https"],
        disable_instance_discovery=True,
    )


def client_of(platform, app):
    """Microsoft's client, led to another login authority and another Graph."""
    credential = credential_of(platform, app)
    adapter = GraphRequestAdapter(AzureIdentityAuthenticationProvider(credential))
    adapter.base_url = f"{platform['https']}/v1.0"
    return GraphServiceClient(request_adapter=adapter)


class Bot:
    """A webhook, what it was told, and the client."""

    def __init__(self):
        self.platform = json.loads(os.environ["OFFHOOK_PLATFORM"])
        self.address = os.environ["OFFHOOK_WEBHOOK"]
        self.app, self.other_app = self.platform["bots"]
        self.credential = credential_of(self.platform, self.app)
        self.client = client_of(self.platform, self.app)
        self.calls = self.client.communications.calls
        published = httpx.get(f"{self.platform['https']}/v1/.well-known/OpenIdConfiguration").json()
        self._issuer = published["issuer"]
        self._keys = jwt.PyJWKClient(published["jwks_uri"])
        self._changed = asyncio.Condition()
        self._messages = set()
        self._past = set()
        self.told = []
        self.forget()

    def forget(self):
        """Begins a scenario: nothing was told, no call has a name."""
        self._past.update(map(call_of, self.told))
        self.told = []
        self.wrong = []
        self.names = {}

    @property
    def callback(self):
        return f"{self.address}/calls"

    def prompt(self, hertz, seconds):
        """Where the bot serves a tone as a WAV file."""
        return f"{self.address}/prompts/{hertz}-{seconds}.wav"

    async def listen(self):
        """Serves the webhook and the prompts until the program ends."""
        app = web.Application()
        app.router.add_post("/calls", self._notified)
        app.router.add_get("/prompts/{hertz}-{seconds}.wav", self._prompt)
        app.router.add_get("/elsewhere", self._elsewhere)
        runner = web.AppRunner(app)
        await runner.setup()
        at = urlsplit(self.address)
        await web.TCPSite(runner, at.hostname, at.port).start()

    async def _prompt(self, request):
        hertz, seconds = float(request.match_info["hertz"]), float(request.match_info["seconds"])
        return web.Response(body=sound.tone(hertz, seconds), content_type="audio/wav")

    async def _elsewhere(self, request):
        raise web.HTTPFound(request.query["to"])

    async def _notified(self, request):
        body = await request.json()
        try:
            await asyncio.to_thread(self._prove, request.headers)
            self._expect(body.get("@odata.type") == "#microsoft.graph.commsNotifications", body)
            self._expect(request.content_type == "application/json", request.content_type)
            for name in ("X-Microsoft-Skype-Chain-ID", "Scenario-Id", "X-Microsoft-Skype-Message-ID"):
                UUID(request.headers[name])
            message = request.headers["X-Microsoft-Skype-Message-ID"]
            # A delivery that was not acknowledged in time comes again, under the same name.
            if message in self._messages:
                return web.Response(status=202)
            self._messages.add(message)
        except Exception as error:  # whatever is wrong with it, the scenario says so
            self.wrong.append(repr(error))
            return web.Response(status=403)
        async with self._changed:
            self.told.extend(one for one in body["value"] if call_of(one) not in self._past)
            self._changed.notify_all()
        return web.Response(status=202)

    def _prove(self, headers):
        """Whether it was really the platform: by the published keys, as a bot must."""
        kind, token = headers["Authorization"].split()
        assert kind == "Bearer", kind
        claims = jwt.decode(
            token,
            self._keys.get_signing_key_from_jwt(token).key,
            algorithms=["RS256"],
            audience=self.app["app_id"],
            issuer=self._issuer,
            options={"require": ["exp", "nbf", "iss", "aud", "tid"]},
        )
        assert claims["tid"] == self.app["tenant"], claims["tid"]
        assert claims["iss"] == "https://api.botframework.com", claims["iss"]

    @staticmethod
    def _expect(holds, otherwise):
        assert holds, otherwise

    # What it was told.

    async def sees(self, what, holds):
        """The first notification of the scenario for which something holds, once it comes."""
        return await self._until(what, lambda: (one for one in self.told if holds(one)))

    async def _until(self, what, found):
        try:
            async with asyncio.timeout(SOON), self._changed:
                while (one := next(iter(found()), None)) is None:
                    await self._changed.wait()
                return one
        except TimeoutError:
            told = json.dumps(self.told, indent=1)
            raise AssertionError(f"never told of {what}; {self.wrong}; told of {told}") from None

    async def incoming(self, name="call"):
        """The id of a call that comes in and has no name yet; it gets this one."""
        told = await self.sees(
            "an incoming call",
            lambda one: one["changeType"] == "created"
            and one["resourceData"]["state"] == "incoming"
            and one["resourceData"]["id"] not in self.names,
        )
        call = told["resourceData"]["id"]
        self.names[call] = name
        return call

    async def state(self, call, state, **also):
        """Waits until a call is in a state, with these other properties."""
        return await self.sees(
            f"{state} {also}",
            lambda one: one["resourceUrl"] == f"/communications/calls/{call}"
            and one["resourceData"].get("state") == state
            and all(one["resourceData"].get(name) == value for name, value in also.items()),
        )

    async def audio(self, call):
        """Waits until audio flows."""
        await self.sees(
            "audio",
            lambda one: one["resourceUrl"] == f"/communications/calls/{call}"
            and (one["resourceData"].get("mediaState") or {}).get("audio") == "active",
        )

    async def ended(self, operation):
        """Waits until an operation has ended, and gives how."""
        told = await self.sees(
            f"the end of {operation.odata_type}",
            lambda one: one["changeType"] == "deleted"
            and one["resourceUrl"].endswith(f"/operations/{operation.id}"),
        )
        return told["resourceData"]

    async def terminated(self, call):
        """Waits until a call is over, and gives why."""
        told = await self.sees(
            "the end of the call",
            lambda one: one["changeType"] == "deleted"
            and one["resourceUrl"] == f"/communications/calls/{call}",
        )
        result = told["resourceData"]["resultInfo"]
        return result["code"], result["subcode"]

    async def roster(self, call, *names):
        """Waits until these, by name, are in a call of many."""
        await self._in_roster(call, names, lambda people: sorted(map(name_of, people)) == sorted(names))

    async def muted(self, call, name, muted):
        """Waits until somebody in a call of many is shown as muted, or not any more."""
        await self._in_roster(
            call, (name, muted), lambda people: named(people, name).get("isMuted") == muted
        )

    async def recording(self, call, status):
        """Waits until the bot is shown as recording."""

        def holds(people):
            info = named(people, self.app["name"]).get("recordingInfo") or {}
            return info.get("recordingStatus") == status

        await self._in_roster(call, status, holds)

    async def _in_roster(self, call, what, holds):
        """Waits until something holds for the latest roster."""

        def latest():
            rosters = [
                one["resourceData"]
                for one in self.told
                if one["resourceUrl"] == f"/communications/calls/{call}/participants"
            ]
            return [rosters[-1]] if rosters and holds(rosters[-1]) else []

        await self._until(f"the roster {what}", latest)


def call_of(notification):
    """The id of the call it is of: /communications/calls/{id}/…"""
    return notification["resourceUrl"].split("/")[3]


def named(people, name):
    return next((one for one in people if name_of(one) == name), {})


def name_of(participant):
    """The name of a participant, or its number."""
    who = next(one for one in participant["info"]["identity"].values() if isinstance(one, dict))
    return who.get("displayName") or who["id"]
