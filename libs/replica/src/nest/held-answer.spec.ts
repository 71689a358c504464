import { describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { IncomingMessage, ServerResponse } from 'node:http';
import { connect, createServer } from 'node:http2';
import type { Socket } from 'node:net';
import { duplexPair, PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { RequestContext } from '../context/request-context.js';
import { HeldAnswer } from './held-answer.js';

type Act = (response: ServerResponse, attempt: (call: () => unknown) => void) => void;

/** What handlers do with a response after a call that is held back. */
const WAYS: Readonly<Record<string, Act>> = {
  'a second answer': (response, attempt) => {
    response.setHeader('content-length', 3).end('one');
    attempt(() => response.setHeader('content-length', 5));
    attempt(() => response.end('other'));
  },
  'another status': (response) => {
    response.end('one');
    response.statusCode = 500;
  },
  'other headers': (response, attempt) => {
    response.setHeader('x-one', '1');
    response.write('one');
    attempt(() => response.setHeaders(new Map([['x-one', '2']])));
    attempt(() => response.appendHeader('x-one', '2'));
    attempt(() => response.removeHeader('x-one'));
    attempt(() => response.writeHead(500, { 'x-one': '2' }));
    response.end();
  },
  'headers after flushHeaders()': (response, attempt) => {
    response.flushHeaders();
    attempt(() => response.setHeader('x-one', '1'));
    response.end('one');
  },
  'writeHead() twice': (response, attempt) => {
    response.writeHead(201, { 'x-one': '1' });
    attempt(() => response.writeHead(500));
    response.end('one');
  },
  'what is no chunk': (response, attempt) => {
    response.write('one');
    attempt(() => response.write(1));
    attempt(() => response.write(null));
    attempt(() => response.end(1 as never));
    response.end(() => undefined);
  },
  'a write after the end': (response, attempt) => {
    response.end('one');
    attempt(() => response.write('two'));
  },
  'a wrapper that sends the headers itself': (response, attempt) => {
    const internals = response as unknown as Record<string, () => void>;
    response.flushHeaders();
    if (!internals['_header']) internals['_implicitHeader']?.();
    attempt(() => response.setHeader('x-one', '1'));
    response.end('one');
  },
};

/** All that a client gets, and what became of each attempt. */
async function answerOf(act: Act, isHeld: boolean): Promise<object> {
  const response = new ServerResponse(new IncomingMessage(new PassThrough() as unknown as Socket));
  response.sendDate = false;
  const client = new PassThrough();
  response.assignSocket(client as unknown as Socket);
  response.on('error', () => undefined).once('finish', () => client.end());
  const saved = new Promise((resolve) => setImmediate(resolve));
  const request = { tryAnswer: () => false, mayAnswer: () => saved, answered: () => undefined };
  const answer = isHeld ? new HeldAnswer(response, request as unknown as RequestContext) : undefined;
  const outcomes: unknown[] = [];
  act(response, (call) => {
    try {
      const result = call();
      outcomes.push(result === response ? 'the response' : result);
    } catch (error) {
      outcomes.push((error as NodeJS.ErrnoException).code, (error as Error).message);
    }
  });
  const sent = await text(client);
  expect(answer?.sending ?? 'head').toBe('head');
  return { outcomes, sent };
}

describe('an answer that is held back', () => {
  it.each(Object.keys(WAYS))('leaves as one that is not, whatever comes after it: %s', async (way) => {
    const act = WAYS[way] as Act;
    expect(await answerOf(act, true)).toEqual(await answerOf(act, false));
  });

  it('waits for its save also where writeHead() sends all of it: HTTP/2', async () => {
    const [ours, theirs] = duplexPair();
    let save = (): void => undefined;
    const saved = new Promise<void>((resolve) => (save = resolve));
    const handled = new Promise<void>((resolve) => {
      const server = createServer((_, response) => {
        const request = { tryAnswer: () => false, mayAnswer: () => saved, answered: () => undefined };
        const answer = new HeldAnswer(response as never, request as unknown as RequestContext);
        expect(response.writeHead(204)).toBe(response);
        expect([answer.sending, response.headersSent]).toEqual(['head', true]);
        resolve();
      });
      server.emit('connection', ours);
    });
    const client = connect('http://localhost', { createConnection: () => theirs });
    const stream = client.request({ ':path': '/' });
    let isAnswered = false;
    const answered = once(stream, 'response').finally(() => (isAnswered = true));
    await handled;
    // Whatever was sent before the answer to a ping is here when that is.
    await new Promise((resolve) => client.ping(resolve));
    expect(isAnswered).toBe(false);
    save();
    const [headers] = await answered;
    expect(headers).toMatchObject({ ':status': 204 });
    client.destroy();
    ours.destroy();
  });
});
