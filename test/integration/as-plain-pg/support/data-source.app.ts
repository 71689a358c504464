/** The file that TypeORM's command line is given. */
import { ReplicaDataSource } from 'nestjs-replica';

const { urls, cache } = JSON.parse(process.env.SCRIPT ?? '{}') as { urls: string[]; cache: boolean };
const [primary = '', ...replicas] = urls;

export const dataSource = new ReplicaDataSource({
  type: 'postgres',
  primary: { url: primary },
  replicas: replicas.map((url) => ({ url })),
  cache,
  extra: { idleTimeoutMillis: 300 },
});
