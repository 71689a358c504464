import { describe, expect, it } from '@jest/globals';
import { ScriptedProbe } from '../../../../test/support/topology/scripted-probe.js';
import { resolveNode } from '../options/resolve-nodes.js';
import type { NodeProbe } from '../topology/node-probe.js';
import { NodeProbes } from './node-probes.js';

const node = resolveNode({ host: 'a' }, 'replica', { otherwise: 'a' });

describe('the probes of nodes', () => {
  const own = new ScriptedProbe(true, 100n);
  const heard: string[] = [];
  const overhear = (name: string, probe: NodeProbe): NodeProbe => ({
    probe: (timeoutMs) => {
      heard.push(name);
      return probe.probe(timeoutMs);
    },
    reconnect: () => probe.reconnect(),
    close: () => probe.close(),
  });

  it('are overheard also by somebody who comes after they were given away', async () => {
    const probes = new NodeProbes(() => own);
    const probe = probes.of(node);
    probes.overheardBy(overhear);
    expect(await probe.probe(1_000)).toMatchObject({ position: 100n });
    await probe.probe(1_000);
    expect(heard).toEqual(['a', 'a']);
    probe.reconnect();
    expect(own.reconnects).toBe(1);
  });

  it('are closed without being used where nobody has probed', async () => {
    heard.length = 0;
    const closed: string[] = [];
    const unused = new ScriptedProbe(true, 100n);
    unused.close = () => Promise.resolve(void closed.push('unused'));
    const probes = new NodeProbes(() => unused);
    probes.overheardBy(() => {
      throw new Error('it is not used');
    });
    await probes.of(node).close();
    expect(closed).toEqual(['unused']);
  });
});
