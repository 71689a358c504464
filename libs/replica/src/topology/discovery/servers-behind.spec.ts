import { describe, expect, it } from '@jest/globals';
import { serverIdentity } from '../../../../../test/support/topology/scripted-probe.js';
import { ServersBehind, type SeenServer } from './servers-behind.js';

const server = (startedAt: string, isReadOnly = true): SeenServer => ({
  key: startedAt,
  identity: serverIdentity({ startedAt }),
  isReadOnly,
});

describe('ServersBehind', () => {
  let nowMs = 0;
  const keysOf = (servers: ServersBehind, primary?: SeenServer): readonly string[] =>
    servers.list(primary?.identity).map(({ key }) => key);

  it('tells who was seen lately', () => {
    const servers = new ServersBehind(() => nowMs);
    servers.saw(server('a'));
    nowMs += 20_000;
    servers.saw(server('b'));
    nowMs += 20_000;
    expect(keysOf(servers)).toEqual(['b']);
  });

  it('leaves out the primary, and who accepts writes when it is first seen', () => {
    const servers = new ServersBehind(() => nowMs);
    for (const one of [server('a'), server('b'), server('w', false)]) servers.saw(one);
    expect(keysOf(servers, server('a'))).toEqual(['b']);
    // A replica that was promoted stays, so that somebody notices.
    servers.saw(server('b', false));
    expect(keysOf(servers)).toEqual(['b']);
  });

  it('knows no more than 64', () => {
    const servers = new ServersBehind(() => nowMs);
    for (let index = 0; index < 100; index++) servers.saw(server(`server-${index}`));
    expect(servers.size).toBe(64);
  });
});
