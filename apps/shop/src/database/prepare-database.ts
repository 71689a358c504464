import { type OptionsFromEnv, ReplicaDataSource } from 'nestjs-replica';
import { Order, OrderItem } from '../orders/order.entity.js';
import { Product } from '../products/product.entity.js';
import { CreateShop1764547200000 } from './migrations/1764547200000-create-shop.js';
import { seed } from './seed.js';

/**
 * Brings the primary to the schema that the application expects; the replicas follow. It runs before the application connects, so
 * what the application then learns about the database is already true.
 */
export async function prepareDatabase(nodes: OptionsFromEnv, log: (line: string) => void): Promise<void> {
  const dataSource = new ReplicaDataSource({
    ...nodes,
    replicas: [],
    entities: [Product, Order, OrderItem],
    migrations: [CreateShop1764547200000],
  });
  await dataSource.initialize();
  try {
    const migrations = await dataSource.runMigrations();
    log(`migrated: ${migrations.map(({ name }) => name).join(', ') || 'nothing to do'}`);
    const count = await seed(dataSource);
    log(count === 0 ? 'seeded: not needed, there are products' : `seeded: ${count} products`);
  } finally {
    await dataSource.destroy();
  }
}
