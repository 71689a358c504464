import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startTcpProxy, type PostgresNode, type TcpProxy } from 'nestjs-replica/testing';
import { PostgresProbe } from '../../../libs/replica/src/postgres/node-probe.js';
import { openProbeLink } from '../../../libs/replica/src/postgres/probe-connection.js';
import type { ProbeResult } from '../../../libs/replica/src/topology/node-probe.js';
import type { ProbeFunction } from '../../../libs/replica/src/topology/probe-function.js';
import { until } from '../../support/until.js';
import { useCluster } from '../../support/cluster/use-cluster.js';
import { crash } from '../../support/cluster/crash.js';
import { importPg } from '../../../libs/replica/src/postgres/pg-module.js';

await importPg();

/** Who may see what: a superuser, anybody, and anybody who may read statistics. */
const USERS = ['superuser', 'plain', 'reader'] as const;
type User = (typeof USERS)[number];

/** All that a server tells of itself to anybody. */
const IDENTITY = {
  system: expect.stringMatching(/^\d+$/),
  startedAt: expect.any(String),
  incarnation: expect.any(String),
  uptimeMs: expect.any(Number),
  ownAddress: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
};

const cluster = useCluster();

describe('the probe of PostgreSQL', () => {
  const probes: PostgresProbe[] = [];

  beforeAll(async () => {
    const { primary } = cluster;
    await primary.query(`CREATE ROLE plain LOGIN PASSWORD '${primary.password}'`);
    await primary.query(`CREATE ROLE reader LOGIN PASSWORD '${primary.password}' IN ROLE pg_read_all_stats`);
    await cluster.waitForCatchUp();
  });

  afterEach(async () => {
    await Promise.all(probes.splice(0).map((probe) => probe.close()));
  });

  /** A probe of a node by one of these users; `options` of the connection. */
  const probeOf = (
    { name, host, port, database, username, password }: PostgresNode,
    { user = 'plain', probe, options }: { user?: User; probe?: ProbeFunction; options?: string } = {},
  ): PostgresProbe => {
    const config = {
      host,
      port,
      database,
      user: user === 'superuser' ? username : user,
      password,
      options,
    };
    const subject = probe === undefined ? undefined : { name, address: `${host}:${port}`, probe };
    const made = new PostgresProbe((lost) => openProbeLink(config, lost), { subject });
    probes.push(made);
    return made;
  };
  const ask = (node: PostgresNode, how: Parameters<typeof probeOf>[1] = {}): Promise<ProbeResult> =>
    probeOf(node, how).probe(5_000);
  const replica = (index: number): PostgresNode => cluster.replicas[index] as PostgresNode;

  it.each(USERS)('tells a %s role, position and timeline of the primary', async (user) => {
    const answer = await ask(cluster.primary, { user });
    const position = expect.any(BigInt);
    expect(answer).toEqual({ isReadOnly: false, position, epoch: 1, identity: IDENTITY });
    const [row] = await cluster.primary.query<{ reached: boolean }>(
      `SELECT $1::pg_lsn <= pg_current_wal_insert_lsn() AS reached`,
      [`0/${(answer.position as bigint).toString(16)}`],
    );
    expect(row).toEqual({ reached: true });
  });

  it.each([
    ['superuser', { epoch: 1, isStreaming: true, receiver: 'streaming', sender: expect.any(String) }],
    ['reader', { epoch: 1, isStreaming: true, receiver: 'streaming', sender: expect.any(String) }],
    ['plain', { epoch: undefined, isStreaming: false, receiver: 'hidden', sender: undefined }],
  ] as const)(
    'tells a %s of a standby what it replayed, and of its receiver what that user may see',
    async (user, told) => {
      const [row] = await replica(0).query<{ lsn: string }>('SELECT pg_last_wal_replay_lsn() AS lsn');
      const answer = await ask(replica(0), { user });
      const { sender = `${cluster.primary.host}:${cluster.primary.port}` } = answer;
      expect(answer).toEqual({
        isReadOnly: true,
        position: expect.any(BigInt),
        identity: IDENTITY,
        ...told,
      });
      expect(sender).toBe(`${cluster.primary.host}:${cluster.primary.port}`);
      expect(answer.position).toBeGreaterThanOrEqual(BigInt(`0x${row?.lsn.split('/')[1]}`));
    },
  );

  it('tells the same cluster of all nodes, and another run of a server after one of its processes crashed', async () => {
    const node = replica(1);
    const probe = probeOf(node);
    const { identity: primary } = await ask(cluster.primary);
    const { identity: before } = await probe.probe(5_000);
    expect(before?.system).toBe(primary?.system);
    await crash(node);
    let after = before;
    await until(async () => {
      after = await probe.probe(5_000).then(
        ({ identity }) => identity,
        () => before,
      );
      return after?.incarnation !== before?.incarnation;
    });
    expect(after).toMatchObject({ system: before?.system, startedAt: before?.startedAt });
  });

  it('tells no cluster where that right was revoked, and all else', async () => {
    const revoked = 'REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC';
    await cluster.primary.query(revoked);
    await cluster.waitForCatchUp();
    try {
      const { identity } = await ask(replica(0));
      expect(identity).toEqual({ ...IDENTITY, system: undefined });
    } finally {
      await cluster.primary.query(revoked.replace('REVOKE', 'GRANT').replace('FROM', 'TO'));
      await cluster.waitForCatchUp();
    }
  });

  it('asks once more on a new connection where the one that it kept was closed', async () => {
    const node = replica(0);
    const probe = probeOf(node, {
      probe: async ({ query }) => {
        const [own] = (await query('SELECT pg_backend_pid() AS pid')) as { pid: number }[];
        pids.push(own?.pid ?? 0);
      },
    });
    const pids: number[] = [];
    await probe.probe(5_000);
    for (let round = 0; round < 20; round++) {
      const end = node.query('SELECT pg_terminate_backend($1)', [pids.at(-1)]);
      await expect(Promise.all([probe.probe(5_000), end])).resolves.toBeDefined();
    }
    expect(new Set(pids).size).toBeGreaterThan(1);
  });

  it('takes one connection for all probes, and another one when that has failed', async () => {
    const pids: unknown[] = [];
    const probe = probeOf(replica(0), {
      user: 'superuser',
      probe: async ({ query }) => void pids.push((await query('SELECT pg_backend_pid() AS pid'))[0]?.['pid']),
    });
    await probe.probe(5_000);
    await probe.probe(5_000);
    expect(new Set(pids).size).toBe(1);
    await replica(0).query('SELECT pg_terminate_backend($1)', [pids[0]]);
    await until(() =>
      probe.probe(5_000).then(
        () => true,
        () => false,
      ),
    );
    expect(new Set(pids).size).toBe(2);
  });

  describe('through a network', () => {
    let proxy: TcpProxy;

    beforeEach(async () => {
      proxy = await startTcpProxy(replica(0));
    });
    afterEach(() => proxy.close());

    const probeThrough = (): PostgresProbe => {
      const { database, username, password } = replica(0);
      const config = { host: proxy.host, port: proxy.port, database, user: username, password };
      const probe = new PostgresProbe((lost) => openProbeLink(config, lost));
      probes.push(probe);
      return probe;
    };

    it('makes no other connection when it is closed while it asks', async () => {
      const probe = probeThrough();
      await probe.probe(5_000);
      proxy.delay(50);
      const asked = probe.probe(5_000).then(
        () => 'answered',
        () => 'failed',
      );
      await probe.close();
      expect(await asked).toBe('failed');
      await until(() => proxy.connections === 0);
    });

    it('finds a node well to which connecting takes longer than a probe may', async () => {
      const probe = probeThrough();
      proxy.delay(80);
      // Its first three answers alone take six delays of 80 ms, and what it has to be asked then four.
      await expect(probe.probe(500)).rejects.toThrow('no answer within 500 ms');
      await until(() =>
        probe.probe(500).then(
          () => true,
          () => false,
        ),
      );
      expect(proxy.connections).toBe(1);
    });

    it('takes one connection of all that it tried to make, and leaves none open', async () => {
      const probe = probeThrough();
      proxy.blackHole();
      for (let count = 0; count < 5; count++) await probe.probe(30).catch(() => undefined);
      await proxy.restore();
      await expect(probe.probe(5_000)).resolves.toMatchObject({ isReadOnly: true });
      await until(() => proxy.connections === 1);
      await probe.close();
      await until(() => proxy.connections === 0);
    });
  });

  describe('with a probe of the user', () => {
    it('adds what that says, on the connection that it keeps', async () => {
      let says: Awaited<ReturnType<ProbeFunction>> = { lagMs: 40 };
      const pids = new Set<unknown>();
      const probe = probeOf(replica(0), {
        probe: async ({ role, query }) => {
          const [row] = await query<{ pid: number; role: string }>(
            'SELECT pg_backend_pid() AS pid, $1::text AS role',
            [role],
          );
          pids.add(row?.pid);
          return row?.role === 'replica' && says;
        },
      });
      await expect(probe.probe(5_000)).resolves.toMatchObject({ isReadOnly: true, minLagMs: 40 });
      says = false;
      await expect(probe.probe(5_000)).resolves.toMatchObject({ problem: 'monitor.probe said no' });
      expect(pids.size).toBe(1);
    });

    it('says why a node may not serve whose statement failed', async () => {
      const answer = await ask(replica(0), {
        probe: ({ query }) => query('SELECT * FROM nothing').then(() => true),
      });
      expect(answer.problem).toContain('42P01');
    });

    it('fails when that takes too long', async () => {
      const probe = probeOf(replica(0), {
        probe: ({ query }) => query('SELECT pg_sleep(10)').then(() => true),
      });
      await expect(probe.probe(200)).rejects.toThrow('no answer within 200 ms');
    });

    it('tells at least the role where the server refuses to tell positions', async () => {
      // Stands before the server's own function, and refuses as Aurora does.
      await cluster.primary.query('CREATE SCHEMA refusing');
      await cluster.primary.query('GRANT USAGE ON SCHEMA refusing TO PUBLIC');
      await cluster.primary.query(
        `CREATE FUNCTION refusing.pg_last_wal_replay_lsn() RETURNS pg_lsn LANGUAGE plpgsql AS
         $$ BEGIN RAISE feature_not_supported USING MESSAGE = 'currently not supported'; END $$`,
      );
      await cluster.waitForCatchUp();
      const options = '-c search_path=refusing,pg_catalog';
      await expect(ask(replica(0), { options })).rejects.toThrow('currently not supported');
      const answer = await ask(replica(0), { options, probe: () => ({ lagMs: 15 }) });
      expect(answer).toEqual({
        isReadOnly: true,
        position: undefined,
        epoch: undefined,
        isStreaming: false,
        receiver: undefined,
        sender: undefined,
        identity: IDENTITY,
        minLagMs: 15,
      });
    });
  });

  it('tells of a standby whose primary is gone that it has no receiver, and then which timeline it receives', async () => {
    const [heir, other] = [replica(0), replica(1)];
    await cluster.primary.kill();
    const probe = probeOf(other, { user: 'reader' });
    await until(async () => (await probe.probe(5_000)).receiver === 'none');
    await expect(probe.probe(5_000)).resolves.toMatchObject({ epoch: undefined });
    await heir.promote();
    await other.follow(heir);
    await until(async () => (await probe.probe(5_000)).receiver === 'streaming');
    await expect(probe.probe(5_000)).resolves.toMatchObject({ isReadOnly: true, epoch: 2 });
    await expect(ask(heir)).resolves.toMatchObject({ isReadOnly: false, epoch: 2 });
  });
});
