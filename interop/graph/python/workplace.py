"""People, meetings and call records: what bots look for beside the calls."""

import asyncio
import datetime

from kiota_abstractions.base_request_configuration import RequestConfiguration
from msgraph.generated.communications.calls.item.participants.invite.invite_post_request_body import (
    InvitePostRequestBody,
)
from msgraph.generated.models.chat_info import ChatInfo
from msgraph.generated.models.identity import Identity
from msgraph.generated.models.identity_set import IdentitySet
from msgraph.generated.models.join_meeting_id_meeting_info import JoinMeetingIdMeetingInfo
from msgraph.generated.models.join_meeting_id_settings import JoinMeetingIdSettings
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.online_meeting import OnlineMeeting
from msgraph.generated.models.organizer_meeting_info import OrganizerMeetingInfo
from msgraph.generated.users.item.online_meetings.online_meetings_request_builder import (
    OnlineMeetingsRequestBuilder,
)
from msgraph.generated.users.users_request_builder import UsersRequestBuilder

from bot import client_of
from steps import called, person, played, refused


async def people(stage, bot):
    """Found by filter, selection and page; and one by id and by address."""
    query = UsersRequestBuilder.UsersRequestBuilderGetQueryParameters(
        filter="startswith(displayName,'A')", select=["id", "displayName"], top=5
    )
    found = await bot.client.users.get(RequestConfiguration(query_parameters=query))
    ada = next(one for one in bot.platform["people"] if one["name"] == "Ada")
    assert [(one.id, one.display_name) for one in found.value] == [(ada["id"], "Ada")], found
    assert found.value[0].user_principal_name is None, found.value[0]

    query = UsersRequestBuilder.UsersRequestBuilderGetQueryParameters(
        orderby=["displayName"], top=3
    )
    page = await bot.client.users.get(RequestConfiguration(query_parameters=query))
    names = [one.display_name for one in page.value]
    while page.odata_next_link:
        page = await bot.client.users.with_url(page.odata_next_link).get()
        names += [one.display_name for one in page.value]
    assert names == ["Ada", "Barbara", "Edsger", "Grace"], names

    one = await bot.client.users.by_user_id(ada["id"]).get()
    assert one.display_name == "Ada" and one.user_principal_name, one
    same = await bot.client.users.by_user_id(one.user_principal_name).get()
    assert same.id == ada["id"], same
    await refused(bot.client.users.by_user_id("nobody@nowhere.example").get(), 404, "Request_ResourceNotFound")
    theirs = client_of(bot.platform, bot.other_app)
    await refused(theirs.users.get(), 403, "Authorization_RequestDenied")


async def meeting(stage, bot):
    """A meeting is made for a person, found again, joined by its organizer's name and by its number."""
    ada = next(one for one in bot.platform["people"] if one["name"] == "Ada")
    meetings = bot.client.users.by_user_id(ada["id"]).online_meetings
    begin = datetime.datetime.now(datetime.UTC)
    made = await meetings.post(
        OnlineMeeting(
            subject="Planning",
            start_date_time=begin,
            end_date_time=begin + datetime.timedelta(hours=1),
            join_meeting_id_settings=JoinMeetingIdSettings(is_passcode_required=True),
        )
    )
    assert made.subject == "Planning" and made.join_web_url, made
    assert made.participants.organizer.identity.user.id == ada["id"], made.participants
    got = await meetings.by_online_meeting_id(made.id).get()
    assert got.chat_info.thread_id == made.chat_info.thread_id, got
    query = OnlineMeetingsRequestBuilder.OnlineMeetingsRequestBuilderGetQueryParameters(
        filter=f"JoinWebUrl eq '{made.join_web_url}'"
    )
    found = await meetings.get(RequestConfiguration(query_parameters=query))
    assert [one.id for one in found.value] == [made.id], found

    thread = made.chat_info.thread_id
    bot.names[thread] = "thread"
    user = Identity(id=ada["id"], additional_data={"tenantId": bot.app["tenant"]})
    call = await called(
        bot,
        chat_info=ChatInfo(thread_id=thread, message_id="0"),
        meeting_info=OrganizerMeetingInfo(
            organizer=IdentitySet(user=user),
            additional_data={"allowConversationWithoutHost": True},
        ),
    )
    await bot.state(call, "established")
    await bot.roster(call, "Bot")
    item = bot.calls.by_call_id(call)
    got = await item.get()
    assert got.chat_info.thread_id == thread, got.chat_info
    grace = await stage.phone("grace")
    invited = await item.participants.invite.post(
        InvitePostRequestBody(participants=[person(bot, "grace")])
    )
    await grace.accepts()
    ended = await bot.ended(invited)
    assert ended["status"] == "completed", ended
    await bot.roster(call, "Bot", "Grace")
    await played(bot, call, 660, 1)

    settings = made.join_meeting_id_settings
    bot.names[settings.join_meeting_id] = "meeting number"
    wrong = JoinMeetingIdMeetingInfo(join_meeting_id=settings.join_meeting_id, passcode="wrong")
    await refused(called(bot, meeting_info=wrong), 400, "8561")
    bot.names[settings.passcode] = "passcode"
    second = await called(
        bot,
        name="second",
        meeting_info=JoinMeetingIdMeetingInfo(
            join_meeting_id=settings.join_meeting_id, passcode=settings.passcode
        ),
    )
    await bot.state(second, "established")
    other = await bot.calls.by_call_id(second).get()
    assert other.call_chain_id == got.call_chain_id, (other, got)
    await bot.calls.by_call_id(second).delete()
    await bot.terminated(second)
    await bot.roster(call, "Bot", "Grace")

    await grace.hangs_up()
    await bot.roster(call, "Bot")
    await item.delete()
    await bot.terminated(call)
    assert await grace.heard(660) > 800
    await meetings.by_online_meeting_id(made.id).delete()
    await refused(meetings.by_online_meeting_id(made.id).get(), 404, "NotFound")


async def call_record(stage, bot):
    """What is left of a call when it is over."""
    grace = await stage.phone("grace")
    call = await called(bot, person(bot, "grace"))
    await grace.accepts()
    await bot.audio(call)
    chain = (await bot.calls.by_call_id(call).get()).call_chain_id
    await grace.hangs_up()
    await bot.terminated(call)
    record = bot.client.communications.call_records.by_call_record_id(chain)
    async with asyncio.timeout(10):
        while True:
            try:
                got = await record.get()
                break
            except ODataError as error:
                assert error.response_status_code == 404, error
                await asyncio.sleep(0.2)
    assert got.id == chain and got.type.value == "peerToPeer", got
    assert got.start_date_time <= got.end_date_time, got
