// An echo on both JavaScript SDKs, for `cargo xtask bench --only activities`: `node echo.mjs botbuilder|agents`.
// Without an app id it is open; with one, the settings are as `offhook bots show` prints them.

import express from 'express';

const { env } = process;

const kinds = {
  async botbuilder() {
    const { CloudAdapter, ConfigurationBotFrameworkAuthentication } = await import('botbuilder');
    const adapter = new CloudAdapter(new ConfigurationBotFrameworkAuthentication(env));
    return { adapter, guards: [] };
  },
  async agents() {
    const { CloudAdapter, authorizeJWT, getAuthConfigWithDefaults } = await import('@microsoft/agents-hosting');
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
      // Logs in at the beginning of every turn, and asks Microsoft about every authority: here is what it would get.
      const provider = { connectionSettings: settings, getAccessToken: async () => 'a token nobody looks at' };
      adapter.connectionManager.getTokenProvider = () => provider;
      adapter.connectionManager.getTokenProviderFromActivity = () => provider;
    }
    return { adapter, guards: [authorizeJWT(settings)] };
  },
};

const { adapter, guards } = await kinds[process.argv[2]]();
adapter.onTurnError = async (_, error) => {
  process.stderr.write(`${error?.stack ?? error}\n`);
};

const app = express();
app.use(express.json());
app.post('/api/messages', ...guards, (request, response) =>
  adapter.process(request, response, async (context) => {
    if (context.activity.type === 'message') {
      await context.sendActivity(`You said: ${context.activity.text}.`);
    }
  }),
);
const server = app.listen(Number(env.BOT_PORT ?? 0), '127.0.0.1', () => {
  process.stdout.write(`${server.address().port}\n`);
});
