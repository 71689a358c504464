import { beforeEach, describe, expect, it } from '@jest/globals';
import type { ProbeResult } from '../../topology/node-probe.js';
import { ConnectedProbe } from './connected-probe.js';
import { ProbeConnector } from './probe-connector.js';

const LOST = new Error('Connection terminated unexpectedly');
const REFUSED = new Error('connect ECONNREFUSED');
const ANSWER = { role: 'replica' } as unknown as ProbeResult;

describe('ConnectedProbe', () => {
  /** What each connection in turn answers to each question in turn; an error: it cannot be made. */
  let connections: (Error | (Error | ProbeResult)[])[];
  let made: number;
  let probe: ConnectedProbe<(Error | ProbeResult)[]>;

  beforeEach(() => {
    made = 0;
    const connector = new ProbeConnector<(Error | ProbeResult)[]>(() => {
      const next = connections[made++] ?? REFUSED;
      return {
        ready: next instanceof Error ? Promise.reject(next) : Promise.resolve(next),
        end: () => undefined,
      };
    });
    probe = new ConnectedProbe(connector, {
      ask: (answers) => {
        const answer = answers.shift() ?? LOST;
        return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
      },
      isConnectionLoss: (error) => error === LOST || error === REFUSED,
    });
  });

  it('keeps its connection', async () => {
    connections = [[ANSWER, ANSWER]];
    expect([await probe.probe(1_000), await probe.probe(1_000), made]).toEqual([ANSWER, ANSWER, 1]);
  });

  it('asks once more on a new connection if the idle one is lost', async () => {
    connections = [[ANSWER, LOST], [ANSWER]];
    await probe.probe(1_000);
    expect([await probe.probe(1_000), made]).toEqual([ANSWER, 2]);
  });

  it('does so, too, if a new connection is lost before its first answer', async () => {
    connections = [[LOST], [ANSWER]];
    expect([await probe.probe(1_000), made]).toEqual([ANSWER, 2]);
  });

  it('fails if the second connection is lost, too, or cannot be made', async () => {
    connections = [[LOST], [LOST], [ANSWER]];
    await expect(probe.probe(1_000)).rejects.toBe(LOST);
    connections = [[LOST], REFUSED, [ANSWER]];
    made = 0;
    await expect(probe.probe(1_000)).rejects.toBe(REFUSED);
  });

  it('does not ask again if the node cannot be reached, or answers with an error', async () => {
    connections = [REFUSED, [ANSWER]];
    await expect(probe.probe(1_000)).rejects.toBe(REFUSED);
    expect(made).toBe(1);
    const answer = new Error('permission denied');
    connections = [REFUSED, [answer], [ANSWER]];
    await expect(probe.probe(1_000)).rejects.toBe(answer);
    expect(made).toBe(2);
  });

  it('does not wait for a connection that is being made when it is closed', async () => {
    const never = new Promise<never>(() => undefined);
    const silent = new ConnectedProbe(
      new ProbeConnector<never>(() => ({ ready: never, end: () => undefined })),
      { ask: () => never, isConnectionLoss: () => false },
    );
    const probing = silent.probe(1_000_000);
    await silent.close();
    await expect(probing).rejects.toThrow('the probe is closed');
  });
});
