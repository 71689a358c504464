import type { ReplicaDataSource } from 'nestjs-replica';

/** What TypeORM's query runners use: a client of the library's pool for PostgreSQL, as somebody who bypasses them has it. */
export function takeClient<Client>({ driver }: ReplicaDataSource): Promise<Client> {
  return (driver as unknown as { readonly master: { connect(): Promise<Client> } }).master.connect();
}
