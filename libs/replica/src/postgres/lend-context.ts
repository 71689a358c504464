import type { EventEmitter } from 'node:events';
import type pg from 'pg';
import { callersContext } from '../context/callers-context.js';

/**
 * Until the function that it gives is called, all that a connection's socket brings is handled in the context of the caller: rows,
 * the end, errors. What emits and calls back by itself (a stream, a cursor, COPY) then does so for whoever runs it; else Node
 * would run it in the context in which the connection was opened.
 */
export function lendContext(client: pg.ClientBase): () => void {
  const socket = (client as unknown as { connection?: { stream?: EventEmitter } }).connection?.stream;
  if (socket === undefined) return () => undefined;
  const callForCaller = callersContext();
  const before = Object.getOwnPropertyDescriptor(socket, 'emit');
  // oxlint-disable-next-line typescript/unbound-method -- called with its socket
  const { emit } = socket;
  socket.emit = (...args: Parameters<EventEmitter['emit']>) => callForCaller(emit, socket, ...args);
  return () => {
    if (before === undefined) Reflect.deleteProperty(socket, 'emit');
    else Object.defineProperty(socket, 'emit', before);
  };
}
