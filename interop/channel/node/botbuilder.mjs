// The hotel on npm `botbuilder`. Without an app id it is open; with one, every setting is as
// `offhook bots show` prints it.

import { ConfidentialClientApplication } from '@azure/msal-node';
import {
  CloudAdapter,
  ConfigurationBotFrameworkAuthentication,
  ConfigurationServiceClientCredentialFactory,
  EventFactory,
  TurnContext,
} from 'botbuilder';
import connector from 'botframework-connector';

import { ADA, GRACE, serve, tell, turn } from './hotel.mjs';

const { env } = process;

function credentials() {
  if (!env.MicrosoftAppId) {
    return new ConfigurationServiceClientCredentialFactory({});
  }
  // MSAL asks Microsoft about every authority that it is not told of.
  const application = new ConfidentialClientApplication({
    auth: {
      clientId: env.MicrosoftAppId,
      clientSecret: env.MicrosoftAppPassword,
      authority: env.ToChannelFromBotLoginUrl,
      knownAuthorities: [new URL(env.ToChannelFromBotLoginUrl).host],
    },
  });
  return new connector.MsalServiceClientCredentialsFactory(env.MicrosoftAppId, application);
}

const adapter = new CloudAdapter(new ConfigurationBotFrameworkAuthentication(env, credentials()));
adapter.onTurnError = async (_, error) => tell({ type: 'error', why: String(error?.stack ?? error) });

function comeBack(context) {
  const reference = TurnContext.getConversationReference(context.activity);
  setTimeout(() => {
    const again = (later) => later.sendActivity('I am back');
    adapter
      .continueConversationAsync(env.MicrosoftAppId ?? '', reference, again)
      .catch((error) => tell({ type: 'error', why: String(error?.stack ?? error) }));
  }, 300);
}

function callGrace(context) {
  const { channelId, serviceUrl } = context.activity;
  const audience = env.ToChannelFromBotOAuthScope ?? 'https://api.botframework.com';
  adapter
    .createConversationAsync(env.MicrosoftAppId ?? '', channelId, serviceUrl, audience, GRACE, async () => {})
    .catch((error) => tell({ type: 'error', why: String(error?.stack ?? error) }));
}

function handOff(context) {
  const transcript = { activities: [{ type: 'message', text: 'hello' }] };
  return EventFactory.createHandoffInitiation(context, ADA, transcript);
}

serve((request, response) =>
  adapter.process(request, response, (context) => turn(context, comeBack, callGrace, handOff)),
);
