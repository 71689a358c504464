import { expect, it } from '@jest/globals';
import { decodeContainerLog } from './container-log.js';

function piece(stream: number, text: string): Buffer {
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([header, Buffer.from(text)]);
}

it('joins the pieces of a log, whichever stream they came from', () => {
  const log = Buffer.concat([piece(1, 'début\n'), piece(2, 'ready '), piece(1, ''), piece(2, 'now\n')]);
  expect(decodeContainerLog(log)).toBe('début\nready now\n');
  expect(decodeContainerLog(Buffer.alloc(0))).toBe('');
});
