import { describe, expect, it } from '@jest/globals';
import { resolveOptions } from '../options/resolve-options.js';
import { PostgresDatabase } from '../postgres/database.js';
import { Engine } from './engine.js';
import { OperatorLog } from './operator-log.js';
import { intentOf } from './read-options.js';
import { importPg } from '../postgres/pg-module.js';

await importPg();

/** Nobody listens at these addresses. */
const nowhere = (host: string): { host: string; port: number } => ({ host, port: 1 });

function createEngine(replicas: readonly { host: string; port: number }[] = [nowhere('127.0.0.2')]): {
  engine: Engine;
  lines: string[];
} {
  const lines: string[] = [];
  const log = new OperatorLog();
  const keep = (line: string): void => void lines.push(line);
  log.sendTo({ log: keep, warn: keep, error: keep });
  const options = resolveOptions<never>({
    type: 'postgres',
    primary: nowhere('127.0.0.1'),
    replicas,
    session: { token: { read: () => undefined, write: () => undefined }, secrets: ['s'.repeat(32)] },
  });
  const settings = { connectTimeoutMs: 1_000, extra: {}, onIdleError: () => undefined };
  return { lines, engine: new Engine(options, new PostgresDatabase(settings), log) };
}

describe('an engine that is not started', () => {
  it('opens requests, and lets one see what the request around it has written', () => {
    const { engine } = createEngine();
    const outer = engine.createRequest();
    const intent = intentOf('default', {}, engine.options);
    engine.contexts.run({ request: outer, intent }, () => {
      expect(engine.scopeFor(intent).request).toBe(outer);
      expect(engine.createRequest().view(intent).ownWriteLost).toBe(false);
      outer.lostWrite();
      const inner = engine.createRequest();
      expect(inner).not.toBe(outer);
      expect(inner.view(intent).ownWriteLost).toBe(true);
    });
    expect(engine.contexts.current()).toBeUndefined();
  });

  it('takes listeners, counts, and can be switched off and on', () => {
    const { engine, lines } = createEngine();
    const heard: unknown[] = [];
    const stop = engine.events.on('statement:refused', (event) => heard.push(event));
    const event = { digest: 'd', tables: null, node: 'a' };
    engine.events.emit('statement:refused', event);
    stop();
    engine.events.emit('statement:refused', event);
    expect(heard).toEqual([event]);
    engine.events.on('statement:refused', () => {
      throw new Error('no');
    });
    engine.events.emit('statement:refused', event);
    expect(lines).toEqual([expect.stringContaining("a listener to 'statement:refused' threw")]);
    engine.counters.failedSessionLoads++;
    expect(engine.counters).toMatchObject({ failedSessionLoads: 1, failedDiscoveries: 0 });
    engine.state.isEnabled = false;
    expect([engine.state.isEnabled, engine.hasReplicas]).toEqual([false, true]);
  });

  it('has no cluster and nobody who watches, and says so', async () => {
    const { engine } = createEngine();
    expect([engine.isStarted, engine.monitor]).toEqual([false, undefined]);
    expect(() => engine.cluster).toThrow('The data source is not initialized: call initialize() first');
    await engine.stop();
  });

  it('knows names of nodes, and refuses a read of another one', () => {
    const { engine } = createEngine();
    expect(engine.nodeNames).toEqual(['primary', '127.0.0.2-1']);
    expect(() => engine.checkRead({ replica: 'other' }, 'here')).toThrow(/here: replica names/);
    expect(() => engine.checkRead({ replica: '127.0.0.2-1' }, 'here')).not.toThrow();
  });
});

describe('an engine whose primary is down', () => {
  it('fails to start, ends without a trace, and may be started again', async () => {
    const { engine } = createEngine();
    for (let attempt = 1; attempt <= 2; attempt++) {
      const starting = engine.start([]);
      expect(engine.isStarted).toBe(true);
      await expect(starting).rejects.toMatchObject({ code: 'REPLICA_NODE_UNAVAILABLE', node: 'primary' });
      await engine.stop();
      expect([engine.isStarted, engine.monitor]).toEqual([false, undefined]);
    }
  });

  it('watches nobody where there are no replicas', async () => {
    const { engine } = createEngine([]);
    await engine.start([]).catch(() => undefined);
    expect([engine.hasReplicas, engine.isStarted, engine.monitor]).toEqual([false, true, undefined]);
    expect(await engine.cluster.capturePosition()).toBe(0n);
    await engine.stop();
  });
});
