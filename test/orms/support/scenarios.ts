import assert from 'node:assert/strict';
import { whilePaused } from '../../support/cluster/while-paused.js';
import { until } from '../../support/until.js';
import type { Orm } from './orm.js';
import { ITEMS, type OrmStage } from './orm-stage.js';

/** What each library must do on a routing pool. */
export interface Scenario {
  readonly title: string;
  /** Whether the library has what the scenario is about. Default: it has. */
  readonly isFor?: (orm: Orm) => boolean;
  /** Rejects where the library fails. */
  play(stage: OrmStage): Promise<void>;
}

/** Each scenario changes an item of its own. */
export const SCENARIOS: readonly Scenario[] = [
  {
    title: 'reads from a replica',
    async play(stage) {
      // The first time Knex also asks for the server's version.
      await stage.get((orm) => orm.find(1));
      const told = await stage.statementsOf(() => stage.get((orm) => orm.find(1)));
      assert.ok(told.every(({ node, kind }) => kind === 'read' && stage.isReplica(node)));
      assert.equal(told.length, 1);
    },
  },
  {
    title: 'sees its own write in the next request',
    async play(stage) {
      await whilePaused(stage.cluster, async () => {
        await stage.post((orm) => orm.update(2, 20), 'writer');
        assert.equal(await stage.get((orm) => orm.find(2), 'writer'), 20);
        // So a replica would have shown it the old value.
        assert.equal(await stage.get((orm) => orm.find(2), 'stranger'), 2);
      });
      await until(async () => {
        const told = await stage.statementsOf(() => stage.get((orm) => orm.find(2), 'writer'));
        return told.every(({ node }) => stage.isReplica(node));
      }, 'reads of the writer on a replica again');
      assert.equal(await stage.get((orm) => orm.find(2), 'writer'), 20);
    },
  },
  {
    title: 'keeps requests apart that run at once',
    async play(stage) {
      await whilePaused(stage.cluster, async () => {
        await stage.post((orm) => orm.update(7, 70), 'writer');
        // Prisma merges reads that begin in one tick.
        let open = (): void => undefined;
        const gate = new Promise<void>((resolve) => (open = resolve));
        const readers = [8, 7, 9].map((id) =>
          stage.get(
            async (orm) => {
              await gate;
              return orm.find(id);
            },
            id === 7 ? 'writer' : `reader of ${id}`,
          ),
        );
        open();
        assert.deepEqual(await Promise.all(readers), [8, 70, 9]);
      });
    },
  },
  {
    title: 'keeps transactions on the primary',
    async play(stage) {
      const told = await stage.statementsOf(() =>
        stage.get((orm) =>
          orm.transaction(async (inside) => {
            const before = await inside.find(3);
            await inside.update(3, (before ?? 0) + 30);
            assert.equal(await inside.find(3), 33);
          }),
        ),
      );
      assert.ok(told.length >= 3);
      assert.ok(told.every(({ node }) => node === 'primary'));
      const failed = stage.post((orm) =>
        orm.transaction(async (inside) => {
          await inside.update(3, 0);
          throw new Error('changed its mind');
        }),
      );
      await assert.rejects(failed, /changed its mind/);
      assert.equal(await stage.post((orm) => orm.find(3)), 33);
    },
  },
  {
    title: 'takes locks on the primary',
    async play(stage) {
      const told = await stage.statementsOf(() => stage.get((orm) => orm.lock(4)));
      assert.deepEqual([...new Set(told.map(({ node }) => node))], ['primary']);
      await stage.get((orm) => orm.transaction(async (inside) => assert.equal(await inside.lock(4), 4)));
    },
  },
  {
    title: 'streams from a replica',
    isFor: ({ stream }) => stream !== undefined,
    async play(stage) {
      const values: number[] = [];
      const told = await stage.statementsOf(() =>
        stage.get(async ({ stream }) => {
          for await (const value of stream?.(101, 150) ?? []) values.push(value);
        }),
      );
      assert.deepEqual(
        values,
        Array.from({ length: 50 }, (_, n) => 101 + n),
      );
      assert.ok(told.length > 0 && told.every(({ node }) => stage.isReplica(node)));
    },
  },
  {
    title: 'runs prepared statements that are named by the application on each node',
    isFor: ({ findPrepared }) => findPrepared !== undefined,
    async play(stage) {
      const find = (orm: Orm): Promise<number | undefined> => orm.findPrepared?.(5) ?? Promise.resolve(0);
      const told = await stage.statementsOf(async () => {
        for (let n = 0; n < 4; n++) assert.equal(await stage.get(find), 5);
        assert.equal(await stage.post(find), 5);
      });
      assert.ok(told.slice(0, -1).every(({ node }) => stage.isReplica(node)));
      assert.equal(told.at(-1)?.node, 'primary');
    },
  },
  {
    title: 'shares connections among fast reads (lanes)',
    async play(stage) {
      const ids = Array.from({ length: 40 }, (_, n) => 201 + n);
      const isShared = (): boolean =>
        stage.pool.router.stats().pools.some(({ node, lanes }) => stage.isReplica(node) && lanes > 0);
      await until(async () => {
        const found = await stage.get((orm) => Promise.all(ids.map((id) => orm.find(id))));
        assert.deepEqual(found, ids);
        return isShared();
      }, 'a lane on a replica');
    },
  },
  {
    title: "passes PostgreSQL's errors on",
    async play(stage) {
      const failed = await stage
        .post((orm) => orm.insert(6, 6))
        .then(
          () => undefined,
          (error: unknown) => error,
        );
      assert.ok(codesOf(failed).includes('23505'), `codes: ${codesOf(failed).join(', ')}`);
      assert.equal(await stage.get((orm) => orm.find(6)), 6);
    },
  },
];

/** The codes of an error and of its causes. Libraries wrap what the driver tells. */
function codesOf(error: unknown): readonly unknown[] {
  if (typeof error !== 'object' || error === null) return [];
  const { code, cause, nativeError, meta } = error as Readonly<Record<string, unknown>>;
  const { code: codeOfMeta, driverAdapterError } = (meta ?? {}) as Readonly<Record<string, unknown>>;
  const { originalCode } = error as { readonly originalCode?: unknown };
  return [
    code,
    originalCode,
    codeOfMeta,
    ...codesOf(cause),
    ...codesOf(nativeError),
    ...codesOf(driverAdapterError),
  ].filter((one) => one !== undefined);
}

/** Reads without an end until `isOver`, and tells how many reads there were. Rejects with the first error. */
export async function readOn(stage: OrmStage, isOver: () => boolean): Promise<number> {
  let count = 0;
  while (!isOver()) {
    const id = (count++ % ITEMS) + 1;
    assert.notEqual(await stage.get((orm) => orm.find(id)), undefined);
  }
  return count;
}
