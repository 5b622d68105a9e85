"""The hotel on PyPI `botbuilder-core`: a bot that can be called. It tells on standard output, a line of
JSON each, what it was told. Without an app id it is open; with one, every setting is as
`offhook bots show` prints it."""

import asyncio
import json
import os
import sys
import traceback

from aiohttp import web
from botbuilder.core import TurnContext
from botbuilder.integration.aiohttp import CloudAdapter, ConfigurationBotFrameworkAuthentication
from botbuilder.schema import Activity, Attachment, ChannelAccount, ConversationParameters
from botframework.connector.auth import PasswordServiceClientCredentialFactory
from msal import ConfidentialClientApplication

BYE = Activity(type="endOfConversation")

# What keys command of the recording of the call.
RECORDING = {"*": "start", "7": "pause", "8": "resume", "9": "stop"}

# Where the caller is handed off to.
ADA = {"TargetPhoneNumber": "sip:ada@hotel", "SipHeaders": {"X-Room": "101"}}


def tell(**line):
    print(json.dumps(line), flush=True)


class Settings:
    """What the SDK looks for; absent is as good as nothing."""

    NAMES = [
        "APP_ID",
        "APP_PASSWORD",
        "APP_TYPE",
        "APP_TENANTID",
        "CHANNEL_SERVICE",
        "VALIDATE_AUTHORITY",
        "TO_CHANNEL_FROM_BOT_LOGIN_URL",
        "TO_CHANNEL_FROM_BOT_OAUTH_SCOPE",
        "TO_BOT_FROM_CHANNEL_TOKEN_ISSUER",
        "OAUTH_URL",
        "TO_BOT_FROM_CHANNEL_OPENID_METADATA_URL",
        "TO_BOT_FROM_EMULATOR_OPENID_METADATA_URL",
        "CALLER_ID",
    ]

    def __init__(self):
        for name in self.NAMES:
            if name in os.environ:
                setattr(self, name, os.environ[name])


class Credentials(PasswordServiceClientCredentialFactory):
    """MSAL asks Microsoft about every authority, unless it is told not to."""

    async def create_credentials(self, app_id, oauth_scope, login_endpoint, validate_authority):
        made = await super().create_credentials(
            app_id, oauth_scope, login_endpoint, validate_authority
        )
        if app_id:
            made.app = ConfidentialClientApplication(
                app_id,
                client_credential=self.password,
                authority=login_endpoint,
                instance_discovery=False,
            )
        return made


def authentication():
    settings = Settings()
    app_id = os.environ.get("APP_ID")
    if not app_id:
        return ConfigurationBotFrameworkAuthentication(settings)
    credentials = Credentials(app_id, os.environ["APP_PASSWORD"])
    return ConfigurationBotFrameworkAuthentication(settings, credentials_factory=credentials)


adapter = CloudAdapter(authentication())


async def on_error(_, error):
    tell(type="error", why="".join(traceback.format_exception(error)))


adapter.on_turn_error = on_error


async def turn(context: TurnContext):
    activity = context.activity
    entities = activity.entities or []
    is_key = any(entity.type == "DTMF" for entity in entities)
    tell(
        type=activity.type,
        text=activity.text,
        code=activity.code,
        name=activity.name,
        value=activity.value,
        isKey=is_key,
        **{"from": activity.from_property.name, "to": activity.recipient.name},
    )
    if activity.type == "conversationUpdate":
        for member in activity.members_added or []:
            if member.id != activity.recipient.id:
                welcome = Activity(
                    type="message",
                    text="Welcome to the hotel. Press one, two or hash, or say what you want. "
                    "We have all the time in the world.",
                    input_hint="expectingInput",
                    listen_for=["yes please", "no thank you"],
                )
                await context.send_activity(welcome)
    elif activity.type == "message" and is_key:
        await pressed(context, activity.text)
    elif activity.type == "commandResult":
        await context.send_activity("No." if "error" in activity.value else "Yes.")
    elif activity.type == "message":
        await context.send_activity(f"You said {activity.text}.")


async def pressed(context: TurnContext, key: str):
    if key == "1":
        await context.send_activity(Activity(type="typing"))
        said = await context.send_activity(
            Activity(
                type="message",
                text="One",
                speak="<speak version='1.0' xml:lang='en-US'>"
                "<voice name='en-US-GuyNeural'>One & only.</voice></speak>",
            )
        )
        tell(type="answered", hasId=bool(said and said.id))
    elif key == "2":
        reference = TurnContext.get_conversation_reference(context.activity)
        asyncio.get_running_loop().create_task(come_back(reference))
    elif key == "3":
        service_url = context.activity.service_url
        asyncio.get_running_loop().create_task(call_grace(service_url))
    elif key in RECORDING:
        verb = RECORDING[key]
        name = f"channel/vnd.microsoft.telephony.recording.{verb}"
        command = Activity(type="command", name=name, value={"commandId": verb})
        await context.send_activity(command)
    elif key == "4":
        await context.send_activity("One moment.")
        # This SDK has no factory for it.
        transcript = Attachment(
            content_type="application/json",
            name="Transcript",
            content={"activities": [{"type": "message", "text": "hello"}]},
        )
        handoff = Activity(
            type="event", name="handoff.initiate", value=ADA, attachments=[transcript]
        )
        await context.send_activity(handoff)
    else:
        await context.send_activity("Good bye.")
        await context.send_activity(BYE)


async def come_back(reference):
    async def again(later: TurnContext):
        await later.send_activity("I am back")

    await asyncio.sleep(0.3)
    try:
        app_id = os.environ.get("APP_ID", "")
        await adapter.continue_conversation(reference, again, app_id)
    except Exception:
        tell(type="error", why=traceback.format_exc())


async def call_grace(service_url):
    async def nothing(_):
        pass

    first = "This is the hotel. Your table is ready, and so is the kitchen."
    parameters = ConversationParameters(
        members=[ChannelAccount(id="grace")],
        activity=Activity(type="message", text=first),
    )
    try:
        await adapter.create_conversation(
            os.environ.get("APP_ID", ""),
            nothing,
            parameters,
            "telephony",
            service_url,
            "https://api.botframework.com",
        )
    except Exception:
        tell(type="error", why=traceback.format_exc())


async def messages(request: web.Request) -> web.Response:
    return await adapter.process(request, type("Bot", (), {"on_turn": staticmethod(turn)}))


async def ready(_):
    tell(type="ready")


app = web.Application()
app.router.add_post("/api/messages", messages)
app.on_startup.append(ready)
if __name__ == "__main__":
    try:
        web.run_app(app, host="127.0.0.1", port=int(os.environ["BOT_PORT"]), print=None)
    except Exception as error:
        sys.exit(str(error))
