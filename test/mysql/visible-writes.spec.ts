import '../support/cluster/on-mariadb.js';
import { describe, expect, it } from '@jest/globals';
import { startSource } from '../support/app/start-source.js';
import { useLedgerCluster, whilePaused } from '../support/cluster/use-cluster.js';
import { Account } from '../support/ledger/accounts.js';

const cluster = useLedgerCluster();

describe('writes that wait, on MariaDB', () => {
  it('are visible on all replicas when the wait is over, and only then', async () => {
    const source = await startSource(cluster);
    const { router } = source;
    const accounts = source.getRepository(Account);
    const balances = (): Promise<(number | undefined)[]> =>
      Promise.all(
        cluster.nodes.map(async (node) => {
          const [row] = await node.query<{ balance: number }>('SELECT balance FROM account WHERE id = 1');
          return row?.balance;
        }),
      );
    await router.runOnPrimary(async () => {
      await whilePaused(cluster, async () => {
        await accounts.increment({ id: 1 }, 'balance', 1);
        expect(await router.waitUntilVisible({ timeoutMs: 100 })).toBe(false);
        expect(await balances()).toEqual([1, 0, 0]);
      });
      await accounts.increment({ id: 1 }, 'balance', 1);
      expect(await router.waitUntilVisible({ timeoutMs: 60_000 })).toBe(true);
      expect(await balances()).toEqual([2, 2, 2]);
    });
    await source.destroy();
  });

  it('have no durability of their own', async () => {
    const source = await startSource(cluster);
    await expect(source.router.withDurability('on', () => undefined)).rejects.toMatchObject({
      code: 'REPLICA_DURABILITY_UNAVAILABLE',
      obstacle: 'database',
    });
    await source.destroy();
  });
});
