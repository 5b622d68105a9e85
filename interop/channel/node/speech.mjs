// Stands in for the services that speak and understand: Azure Speech, and whatever has OpenAI's
// interface. Microsoft's own SDK speaks to it first; what anybody else sends to the recogniser must be
// of the same shape. Told on standard output, a line of JSON each.

import { createServer } from 'node:http';

import * as sdk from 'microsoft-cognitiveservices-speech-sdk';
import { WebSocketServer } from 'ws';

const WORDS = 'Yes please.';
const KEY = 'a key';

function tell(line) {
  process.stdout.write(JSON.stringify(line) + '\n');
}

function wav(samples, rate = 16000) {
  const head = Buffer.alloc(44);
  head.write('RIFF', 0);
  head.writeUInt32LE(36 + samples.length * 2, 4);
  head.write('WAVEfmt ', 8);
  [[16, 16], [1, 20, 2], [1, 22, 2], [rate, 24], [rate * 2, 28], [2, 32, 2], [16, 34, 2]].forEach(
    ([value, at, octets = 4]) => head.writeUIntLE(value, at, octets),
  );
  head.write('data', 36);
  head.writeUInt32LE(samples.length * 2, 40);
  const sound = Buffer.alloc(samples.length * 2);
  samples.forEach((sample, at) => sound.writeInt16LE(sample, at * 2));
  return Buffer.concat([head, sound]);
}

const tone = (hertz, seconds, rate) =>
  wav(
    Array.from({ length: seconds * rate }, (_, n) => 9000 * Math.sin((2 * Math.PI * hertz * n) / rate)),
    rate,
  );

/** The names in an object, and in what is in it; what belongs to one client alone is left out. */
function shape(value, path = '') {
  if (Array.isArray(value)) {
    return value.length ? shape(value[0], `${path}[]`) : [`${path}[]`];
  }
  if (value && typeof value === 'object') {
    return Object.entries(value).flatMap(([name, inner]) => shape(inner, `${path}.${name}`)).sort();
  }
  return [path];
}

const headersOf = (text) =>
  Object.fromEntries(
    text.split('\r\n').filter(Boolean).map((line) => {
      const at = line.indexOf(':');
      return [line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()];
    }),
  );

/** What a recognition looks like: each kind of message once, in order. */
class Seen {
  constructor(request) {
    const url = new URL(request.url, 'ws://here');
    this.language = url.searchParams.get('language');
    this.format = url.searchParams.get('format');
    this.key = request.headers['ocp-apim-subscription-key'];
    this.hasConnectionId = /^[0-9A-F]{32}$/.test(request.headers['x-connectionid'] ?? '');
    this.messages = [];
    this.bytes = 0;
  }

  add(kind, headers, body) {
    const id = headers['x-requestid'];
    this.id ??= id;
    const entry = {
      kind,
      path: headers.path,
      headers: Object.keys(headers).sort(),
      type: headers['content-type'] ?? null,
      body,
      sameTurn: this.id === id && /^[0-9A-F]{32}$/.test(id),
    };
    const last = this.messages.at(-1);
    if (JSON.stringify(last) !== JSON.stringify(entry)) {
      this.messages.push(entry);
    }
  }
}

const seen = [];
const server = createServer(async (request, response) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  const body = Buffer.concat(parts);
  const answer = (type, content) => response.writeHead(200, { 'content-type': type }).end(content);
  const { headers, url } = request;
  if (url === '/cognitiveservices/v1') {
    const ssml = body.toString();
    tell({
      type: 'azure speech',
      isGood:
        headers['ocp-apim-subscription-key'] === KEY &&
        headers['content-type'] === 'application/ssml+xml' &&
        headers['x-microsoft-outputformat'] === 'riff-16khz-16bit-mono-pcm',
      ssml,
    });
    // As the service answers a voice it does not have.
    if (ssml.includes('Nobody')) return response.writeHead(400).end();
    return answer('audio/x-wav', tone(660, 1, 16000));
  }
  if (url === '/v1/audio/speech') {
    tell({ type: 'openai speech', isGood: headers.authorization === `Bearer ${KEY}`, body: JSON.parse(body) });
    return answer('audio/wav', tone(880, 1, 24000));
  }
  if (url === '/v1/audio/transcriptions') {
    const text = body.toString('latin1');
    const field = (name) => new RegExp(`name="${name}"\r\n\r\n([^\r]*)\r\n`).exec(text)?.[1];
    const isWav = /name="file"; filename="utterance.wav"\r\nContent-Type: audio\/wav\r\n\r\nRIFF/.test(text);
    tell({ type: 'openai words', isGood: isWav && body.length > 20000, model: field('model'), language: field('language') });
    return answer('application/json', JSON.stringify({ text: ` ${WORDS} ` }));
  }
  response.writeHead(404).end();
});

new WebSocketServer({ server }).on('connection', (socket, request) => {
  const one = new Seen(request);
  seen.push(one);
  socket.on('message', (message, isBinary) => {
    if (!isBinary) {
      const [head, body] = message.toString().split('\r\n\r\n');
      const headers = headersOf(head);
      if (headers.path !== 'telemetry') one.add('text', headers, shape(JSON.parse(body)));
      return;
    }
    const length = message.readUInt16BE(0);
    const headers = headersOf(message.subarray(2, 2 + length).toString());
    const sound = message.subarray(2 + length);
    one.bytes += sound.length;
    const what = sound.subarray(0, 4).toString() === 'RIFF' ? 'header' : sound.length ? 'sound' : 'end';
    one.add('sound', headers, what);
    if (what !== 'end' || one.isOver) return;
    one.isOver = true;
    const send = (path, content) =>
      socket.send(
        `X-RequestId:${headers['x-requestid']}\r\nContent-Type:application/json; charset=utf-8\r\nPath:${path}\r\n\r\n${JSON.stringify(content)}`,
      );
    send('turn.start', { context: { serviceTag: 'x' } });
    send('speech.startDetected', { Offset: 0 });
    send('speech.hypothesis', { Text: 'yes', Offset: 0, Duration: 1 });
    send('speech.endDetected', { Offset: 1 });
    const best = { Confidence: 0.93, Lexical: 'yes please', ITN: 'yes please', MaskedITN: 'yes please', Display: WORDS };
    send('speech.phrase', { RecognitionStatus: 'Success', DisplayText: WORDS, Offset: 0, Duration: 1, NBest: [best] });
    send('turn.end', {});
    if (one !== seen[0]) compare(seen[0], one);
  });
});

/** What another client sends, beside what the SDK sent. */
function compare(sdks, other) {
  const of = ({ language, format, key, hasConnectionId, messages }) => ({ language, format, key, hasConnectionId, messages });
  const [wanted, sent] = [of(sdks), of(other)].map((one) => JSON.stringify(one, null, 1).split('\n'));
  const differs = wanted.map((line, at) => [line, sent[at]]).filter(([one, two]) => one !== two);
  tell({ type: 'azure words', differs, lines: [wanted.length, sent.length], bytes: other.bytes });
}

server.listen(0, '127.0.0.1', () => {
  const { port } = server.address();
  const endpoint = new URL(`ws://127.0.0.1:${port}/speech/recognition/interactive/cognitiveservices/v1`);
  const config = sdk.SpeechConfig.fromEndpoint(endpoint, KEY);
  config.speechRecognitionLanguage = 'en-US';
  config.outputFormat = sdk.OutputFormat.Detailed;
  const recognizer = new sdk.SpeechRecognizer(config, sdk.AudioConfig.fromWavFileInput(tone(440, 1, 16000)));
  sdk.PhraseListGrammar.fromRecognizer(recognizer).addPhrases(['yes please', 'no thank you']);
  recognizer.recognizeOnceAsync(
    (result) => {
      recognizer.close();
      tell({ type: 'ready', port, sdkUnderstood: result.text });
    },
    (why) => tell({ type: 'error', why }),
  );
});
