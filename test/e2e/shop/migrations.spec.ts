import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { CreateShop1764547200000 } from '../../../apps/shop/src/database/migrations/1764547200000-create-shop.js';
import { prepareDatabase } from '../../../apps/shop/src/database/prepare-database.js';
import { Shop } from './support/shop.js';

let shop: Shop;

beforeAll(async () => {
  shop = await Shop.open();
});

afterAll(() => shop.close());

async function prepareAgain(): Promise<string[]> {
  const lines: string[] = [];
  await prepareDatabase(shop.nodes, (line) => lines.push(line));
  return lines;
}

describe('the database of the shop', () => {
  it('is exactly what the entities describe', async () => {
    const { upQueries } = await shop.app.get(DataSource).driver.createSchemaBuilder().log();
    expect(upQueries.map(({ query }) => query)).toEqual([]);
  });

  it('is neither migrated nor seeded a second time', async () => {
    expect(await prepareAgain()).toEqual([
      'migrated: nothing to do',
      'seeded: not needed, there are products',
    ]);
  });

  it('can go back and forth', async () => {
    const runner = shop.app.get(DataSource).createQueryRunner();
    await new CreateShop1764547200000().down(runner);
    await runner.release();
    await shop.cluster.primary.query('DROP TABLE migrations');
    expect(await prepareAgain()).toEqual(['migrated: CreateShop1764547200000', 'seeded: 1000 products']);
  });
});
