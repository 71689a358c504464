import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { FaultStage } from './support/fault-stage.js';
import { HARMLESS, watchFault, WRITERS } from './support/watch-fault.js';

describe('readers and writers whose sessions are checked, while nodes or their connections are lost', () => {
  let stage: FaultStage;

  beforeAll(async () => {
    stage = await FaultStage.set({}, WRITERS);
  });
  afterAll(() => stage.clear());

  it('do not notice that a replica is killed, and read from it again when it is back', async () => {
    const record = await watchFault('replica-killed', stage);
    expect(record).toMatchObject({ ...HARMLESS, errors: {} });
    expect([record.noticedMs, record.returnedMs]).toEqual([expect.any(Number), expect.any(Number)]);
  });

  it('do not notice that a replica is restarted', async () => {
    const record = await watchFault('replica-restarted', stage);
    expect(record).toMatchObject({ ...HARMLESS, errors: {}, returnedMs: expect.any(Number) });
  });

  it('do not notice that a replica hangs, and read from it again when it goes on', async () => {
    const record = await watchFault('replica-hung', stage);
    expect(record).toMatchObject({ ...HARMLESS, errors: {} });
    expect([record.noticedMs, record.returnedMs]).toEqual([expect.any(Number), expect.any(Number)]);
  });

  it('do not notice that their connections to a replica are reset again and again', async () => {
    const record = await watchFault('connections-reset', stage);
    expect(record).toMatchObject({ ...HARMLESS, errors: {}, returnedMs: expect.any(Number) });
  });

  it('do not notice that all packets to and from a replica are lost', async () => {
    const record = await watchFault('black-hole', stage);
    expect(record).toMatchObject({ ...HARMLESS, errors: {} });
    expect([record.noticedMs, record.returnedMs]).toEqual([expect.any(Number), expect.any(Number)]);
  });

  it('read from the primary while all replicas are down, and from replicas again when these are back', async () => {
    const record = await watchFault('all-replicas-down', stage);
    expect(record).toMatchObject({ ...HARMLESS, errors: {} });
    expect(record.reasons['no-eligible-replica']).toBeGreaterThan(0);
    expect([record.noticedMs, record.returnedMs]).toEqual([expect.any(Number), expect.any(Number)]);
  });

  it('do not notice that idle connections are closed by the servers', async () => {
    // A write that was just sent on such a connection may have come to pass: it is not sent again.
    const { failedWrites: _, ...harmless } = HARMLESS;
    const record = await watchFault('idle-sockets-killed', stage);
    expect(record).toMatchObject({ ...harmless, returnedMs: expect.any(Number) });
    expect(record.evidence['terminated']).toBeGreaterThan(0);
  });

  it('are served while reports occupy all connections to a replica', async () => {
    const record = await watchFault('pool-exhausted', stage);
    expect(record).toMatchObject({ ...HARMLESS, errors: {}, returnedMs: expect.any(Number) });
  });
});
