// The hotel on npm `@microsoft/agents-hosting`. Without an app id it is open; with one, every setting
// is as `offhook bots show` prints it.

import { CloudAdapter, authorizeJWT, getAuthConfigWithDefaults } from '@microsoft/agents-hosting';

import { ADA, GRACE, serve, tell, turn } from './hotel.mjs';

const { env } = process;

const settings = env.clientId
  ? getAuthConfigWithDefaults({
      clientId: env.clientId,
      clientSecret: env.clientSecret,
      tenantId: env.tenantId,
      authorityEndpoint: env.authorityEndpoint,
      issuers: [env.issuers],
    })
  : {};

const adapter = new CloudAdapter(settings);
if (env.clientId) {
  // The SDK's own login asks Microsoft about every authority, so log in here.
  const provider = { connectionSettings: settings, getAccessToken: logIn };
  adapter.connectionManager.getTokenProvider = () => provider;
  adapter.connectionManager.getTokenProviderFromActivity = () => provider;
}

async function logIn() {
  const response = await fetch(`${env.authorityEndpoint}/${env.tenantId}/oauth2/v2.0/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: env.clientId,
      client_secret: env.clientSecret,
      scope: 'https://api.botframework.com/.default',
    }),
  });
  return (await response.json()).access_token;
}

adapter.onTurnError = async (_, error) => tell({ type: 'error', why: String(error?.stack ?? error) });

function comeBack(context) {
  // The context is nobody's when the turn is over.
  const reference = context.activity.getConversationReference();
  const identity = context.identity ?? {};
  setTimeout(() => {
    const again = (later) => later.sendActivity('I am back');
    adapter
      .continueConversation(identity, reference, again)
      .catch((error) => tell({ type: 'error', why: String(error?.stack ?? error) }));
  }, 300);
}

function callGrace(context) {
  const { channelId, serviceUrl } = context.activity;
  const audience = 'https://api.botframework.com';
  adapter
    .createConversationAsync(env.clientId, channelId, serviceUrl, audience, GRACE, async () => {})
    .catch((error) => tell({ type: 'error', why: String(error?.stack ?? error) }));
}

// This SDK has no factory for it.
const handOff = () => ({ type: 'event', name: 'handoff.initiate', value: ADA });

serve(
  (request, response) =>
    adapter.process(request, response, (context) => turn(context, comeBack, callGrace, handOff)),
  authorizeJWT(settings),
);
