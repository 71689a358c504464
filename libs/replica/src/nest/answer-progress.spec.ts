import { describe, expect, it } from '@jest/globals';
import { StreamableFile } from '@nestjs/common';
import { Readable } from 'node:stream';
import type { RequestContext } from '../context/request-context.js';
import { AnswerProgress, type LeavingHeaders } from './answer-progress.js';

const UNTOUCHED = { nodes: [] } as unknown as RequestContext;
const HAS_READ = { nodes: ['primary'] } as unknown as RequestContext;

function headers(changes: Partial<LeavingHeaders> & { length?: number; status?: number }): LeavingHeaders {
  const { length, status = 200, ...others } = changes;
  const response = { statusCode: status, getHeader: () => length };
  return { sending: 'head', isSafeMethod: true, response, ...others };
}

/** Whether the answer of a handler on a platform may go on when these headers leave. */
function mayGoOn(leaving: LeavingHeaders, handler?: { gave?: unknown; isFastify?: boolean }): boolean {
  const progress = new AnswerProgress();
  if (handler !== undefined) {
    progress.handlerBegan(handler.isFastify === true);
    if ('gave' in handler) progress.handlerEnded(handler.gave);
  }
  return progress.mayGoOn(HAS_READ, leaving);
}

describe('AnswerProgress', () => {
  it('is at its end with end(), whatever else there is', () => {
    expect(mayGoOn(headers({ sending: 'end' }), {})).toBe(false);
  });

  it.each([{ a: 1 }, 'text', Buffer.from('bytes'), null])('is at its end when a handler gave %j', (gave) => {
    expect(mayGoOn(headers({ sending: 'write' }), { gave })).toBe(false);
  });

  it.each([
    ['a stream', Readable.from([])],
    ['a file', new StreamableFile(Readable.from([]))],
    ['a web response', new Response('')],
    ['nothing: it answers itself', undefined],
    ['the response', { writeHead: () => undefined }],
    ['a reply', { raw: {} }],
  ])('may go on when a handler gave %s', (_, gave) => {
    expect(mayGoOn(headers({ sending: 'write', length: 5 }), { gave })).toBe(true);
  });

  it('may go on while a handler runs, but for what Fastify sends as a whole', () => {
    expect(mayGoOn(headers({ length: 5 }), {})).toBe(true);
    expect(mayGoOn(headers({ length: 5 }), { isFastify: true })).toBe(false);
    expect(mayGoOn(headers({ status: 304 }), {})).toBe(false);
    expect(mayGoOn(headers({}), { isFastify: true })).toBe(true);
  });

  it('is at its end where there is no handler and nobody asked a database, such as for a static file', () => {
    expect(new AnswerProgress().mayGoOn(UNTOUCHED, headers({ sending: 'write' }))).toBe(false);
    expect(mayGoOn(headers({ sending: 'write' }))).toBe(true);
  });
});
