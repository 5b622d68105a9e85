// Makes a container in a server that speaks Azure's Blob Storage, as its client would: signed with the
// account's key (Blob service REST API: Create Container, Shared Key).
//
//     node container.mjs http://127.0.0.1:PORT CONTAINER

import { createHmac } from 'node:crypto';

const ACCOUNT = 'devstoreaccount1';
// Of every emulator there is, and printed in its documentation.
const KEY =
    'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';

const [base, container] = process.argv.slice(2);
const headers = { 'x-ms-date': new Date().toUTCString(), 'x-ms-version': '2021-08-06' };
const canonical = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`).join('');
const resource = `/${ACCOUNT}/${ACCOUNT}/${container}\nrestype:container`;
const what = `PUT\n\n\n\n\n\n\n\n\n\n\n\n${canonical}${resource}`;
const signature = createHmac('sha256', Buffer.from(KEY, 'base64')).update(what).digest('base64');
const answer = await fetch(`${base}/${ACCOUNT}/${container}?restype=container`, {
    method: 'PUT',
    headers: { ...headers, Authorization: `SharedKey ${ACCOUNT}:${signature}` },
});
if (answer.status !== 201) {
    console.error(answer.status, await answer.text());
    process.exit(1);
}
