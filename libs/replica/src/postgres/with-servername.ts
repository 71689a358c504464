import type pg from 'pg';
import { DiscreetClient } from './discreet-client.js';

/** What a connection URL may say of TLS. `pg` puts it before the option `ssl`. */
export const TLS_PARAMETERS = [
  'ssl',
  'sslmode',
  'sslcert',
  'sslkey',
  'sslrootcert',
  'sslnegotiation',
  'uselibpqcompat',
];

/** The same connection, where the TLS certificate has to be for `servername`. The same without TLS. */
export function withServername<Config extends pg.ClientConfig>(
  config: Config,
  servername: string | undefined,
): Config {
  if (servername === undefined) return config;
  // Only `pg` knows what a URL, the options and the environment say together.
  const { ssl } = new DiscreetClient(config) as unknown as { readonly ssl: boolean | object };
  if (ssl === false) return config;
  const given = ssl === true ? {} : (ssl as { readonly key?: string });
  // `pg` hides the key from enumeration.
  const key = given.key === undefined ? {} : { key: given.key };
  return { ...config, ...withoutTls(config), ssl: { servername, ...given, ...key } };
}

function withoutTls({ connectionString }: pg.ClientConfig): pg.ClientConfig {
  if (connectionString === undefined) return {};
  const url = new URL(connectionString);
  const negotiation = url.searchParams.get('sslnegotiation');
  for (const parameter of TLS_PARAMETERS) url.searchParams.delete(parameter);
  return {
    connectionString: url.href,
    ...(negotiation === null ? {} : { sslnegotiation: negotiation as pg.ClientConfig['sslnegotiation'] }),
  };
}
