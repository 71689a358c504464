import { DataSource } from 'typeorm';

/**
 * The data source of an application, as its file for TypeORM's command line exports it. The test that loads it says where the nodes
 * are.
 */
const [primary, first, second] = globalThis.nodesOfDataSource;

export const dataSource = new DataSource({
  type: 'postgres',
  replication: {
    master: { url: primary },
    slaves: [
      { url: first, name: 'replica-1' },
      { url: second, name: 'replica-2' },
    ],
  },
});
