import { afterAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Post } from '@nestjs/common';
import { useApp } from '../../support/app/start-app.js';
import { useLedgerCluster } from '../../support/cluster/use-cluster.js';
import { LedgerController } from '../../support/ledger/ledger.controller.js';

const WRITERS = 16;
const course = { isOver: false };
let work: Promise<unknown> = Promise.resolve();

@Controller()
class WritersController extends LedgerController {
  readonly #write = async (id: number): Promise<void> => {
    while (!course.isOver) await this.add(id);
  };

  /** The response leaves, and its writers go on. */
  @Post('begin')
  begin(): object {
    work = Promise.all(Array.from({ length: WRITERS }, (_, index) => this.#write(index + 1)));
    return {};
  }

  @Get('total')
  async total(): Promise<object> {
    return { total: await this.accounts.sum('balance') };
  }
}

const cluster = useLedgerCluster({ count: WRITERS });
const app = useApp(cluster, [WritersController], { lanes: false, poolSize: 2 * WRITERS });

describe('a session that writes in the background', () => {
  afterAll(async () => {
    course.isOver = true;
    await work;
  });

  it('reads meanwhile, never back in time', async () => {
    await app.post('/begin', 'busy');
    let last = 0;
    for (let count = 0; count < 6; count++) {
      const { status, body } = await app.get('/total', 'busy');
      expect([status, body.total >= last]).toEqual([200, true]);
      last = body.total;
    }
    expect(last).toBeGreaterThan(0);
  }, 30_000);
});
