import pg from 'pg';
import { NodeAddress } from 'nestjs-replica/testing';

/** Gives `work` a connection that stays open meanwhile, and closes it. A connection that breaks is reported to nobody. */
export async function withClient<Result>(
  { url }: NodeAddress,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  // oxlint-disable-next-line import/no-named-as-default-member
  const client = new pg.Client(url);
  client.on('error', () => {});
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
