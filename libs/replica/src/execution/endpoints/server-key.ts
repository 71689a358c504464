import type { ServerIdentity } from '../../topology/node-probe.js';

/** Tells the servers behind an endpoint apart. It is the same in all processes, and for as long as the server runs. */
export function serverKeyOf({ system = '', startedAt }: ServerIdentity): string {
  return `${system}/${startedAt}`;
}
