// The hotel on npm `@microsoft/agents-hosting`, without an app id: open.

import { CloudAdapter } from '@microsoft/agents-hosting';

import { serve, tell, turn } from './hotel.mjs';

const adapter = new CloudAdapter({});
adapter.onTurnError = async (_, error) => tell({ type: 'error', why: String(error?.stack ?? error) });

function comeBack(context) {
  const reference = context.activity.getConversationReference();
  setTimeout(() => {
    const again = (later) => later.sendActivity('I am back');
    adapter
      .continueConversation('', reference, again)
      .catch((error) => tell({ type: 'error', why: String(error?.stack ?? error) }));
  }, 300);
}

serve((request, response) => adapter.process(request, response, (context) => turn(context, comeBack)));
