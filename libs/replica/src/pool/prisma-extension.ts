import { engineOf } from '../engine/replica-router.js';
import type { RoutingPool } from './routing-pool.js';

/* oxlint-disable typescript/no-explicit-any -- Prisma's own types of these depend on the schema of the application. */

/** A query that Prisma lets an extension run. */
interface PrismaCall {
  readonly args: any;
  readonly query: (args: any) => PromiseLike<any>;
}

/** An extension of Prisma as `$extends()` takes it. */
export interface PrismaExtension {
  readonly name: string;
  readonly query: {
    readonly $allModels: {
      findUnique(call: PrismaCall): Promise<any>;
      findUniqueOrThrow(call: PrismaCall): Promise<any>;
    };
  };
}

/**
 * Keeps requests apart in a Prisma client: `new PrismaClient({ adapter: new PrismaPg(pool) }).$extends(prismaExtension(pool))`.
 *
 * Prisma merges the `findUnique()` calls of one tick into one statement, whichever requests they belong to, and the statement runs in the
 * request of the first call. Without this extension, a session could be shown data from before its own write.
 */
export function prismaExtension({ router }: RoutingPool): PrismaExtension {
  const { contexts } = engineOf(router);
  const turns = new Map<object | undefined, (() => void)[]>();

  const inTurn = ({ args, query }: PrismaCall): Promise<any> =>
    new Promise((resolve) => {
      const scope = contexts.surrounding();
      // What it throws must reach the caller, not the process.
      const start = (): void => resolve((async () => await query(args))());
      const turn = turns.get(scope);
      if (turn !== undefined) {
        turn.push(start);
        return;
      }
      const calls = [start];
      turns.set(scope, calls);
      // Node runs all ticks and microtasks between two immediates, so Prisma has sent the calls of one scope before those of the next begin.
      setImmediate(() => {
        turns.delete(scope);
        for (const call of calls) call();
      });
    });

  return {
    name: 'nestjs-replica',
    query: { $allModels: { findUnique: inTurn, findUniqueOrThrow: inTurn } },
  };
}
