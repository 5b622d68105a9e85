// What the bots of both JavaScript SDKs do: a hotel that can be called. It tells on standard output,
// a line of JSON each, what it was told.

import express from 'express';

const BYE = { type: 'endOfConversation' };

export function tell(line) {
  process.stdout.write(JSON.stringify(line) + '\n');
}

/** Whom the bot calls of its own accord, and what it says first. */
export const GRACE = {
  members: [{ id: 'grace' }],
  activity: { type: 'message', text: 'This is the hotel. Your table is ready, and so is the kitchen.' },
};

/** What keys command of the recording of the call. */
const RECORDING = { '*': 'start', 7: 'pause', 8: 'resume', 9: 'stop' };

function recording(verb) {
  return {
    type: 'command',
    name: `channel/vnd.microsoft.telephony.recording.${verb}`,
    value: { commandId: verb },
  };
}

/** Where the caller is handed off to. */
export const ADA = { TargetPhoneNumber: 'sip:ada@hotel', SipHeaders: { 'X-Room': '101' } };

/**
 * One turn. `comeBack` says something later, in a turn that the bot begins itself; `callGrace` calls
 * somebody, later too; `handOff` is the event that hands the caller off.
 */
export async function turn(context, comeBack, callGrace, handOff) {
  const { activity } = context;
  const { type, text, code, name, value } = activity;
  const isKey = (activity.entities ?? []).some((entity) => entity.type === 'DTMF');
  tell({ type, text, code, name, value, isKey, from: activity.from?.name, to: activity.recipient?.name });
  if (type === 'conversationUpdate') {
    for (const member of activity.membersAdded ?? []) {
      if (member.id !== activity.recipient.id) {
        await context.sendActivity({
          type: 'message',
          text: 'Welcome to the hotel. Press one, two or hash, or say what you want. We have all the time in the world.',
          inputHint: 'expectingInput',
          listenFor: ['yes please', 'no thank you'],
        });
      }
    }
  } else if (type === 'message' && isKey) {
    await pressed(context, text, comeBack, callGrace, handOff);
  } else if (type === 'commandResult') {
    await context.sendActivity(value.error ? 'No.' : 'Yes.');
  } else if (type === 'message') {
    await context.sendActivity(`You said ${text}.`);
  }
}

async function pressed(context, key, comeBack, callGrace, handOff) {
  if (key === '1') {
    await context.sendActivity({ type: 'typing' });
    const said = await context.sendActivity({
      type: 'message',
      text: 'One',
      speak: "<speak version='1.0' xml:lang='en-US'><voice name='en-US-GuyNeural'>One & only.</voice></speak>",
    });
    tell({ type: 'answered', hasId: Boolean(said?.id) });
  } else if (key === '2') {
    comeBack(context);
  } else if (key === '3') {
    callGrace(context);
  } else if (RECORDING[key]) {
    await context.sendActivity(recording(RECORDING[key]));
  } else if (key === '4') {
    await context.sendActivity('One moment.');
    await context.sendActivity(handOff(context));
  } else {
    await context.sendActivity('Good bye.');
    await context.sendActivity(BYE);
  }
}

/** Serves the bot, and says so. */
export function serve(handler, ...guards) {
  const app = express();
  app.use(express.json());
  app.post('/api/messages', ...guards, handler);
  const port = Number(process.env.BOT_PORT);
  app.listen(port, '127.0.0.1', () => tell({ type: 'ready' }));
}
