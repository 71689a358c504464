/** A global transaction ID of MariaDB, as in `0-2-17`. https://mariadb.com/kb/en/gtid/ */
export interface MariadbGtid {
  readonly domain: number;
  /** The `server_id` of the server that wrote it, in decimal digits. */
  readonly server: string;
  /** Counts the writes of a domain, whoever wrote them. It goes on upwards after a promotion. */
  readonly sequence: bigint;
}

const GTID = /^\s*(\d{1,10})-(\d{1,10})-(\d{1,20})\s*$/;
/** How much of a text an error repeats. */
const QUOTED_CHARACTERS = 100;

/**
 * Parses a list of GTIDs, as in `@@gtid_slave_pos` or `@@gtid_binlog_state`: `0-1-14,0-2-17`. Empty before the first write. Throws a
 * RangeError for anything else.
 */
export function parseGtids(text: string): readonly MariadbGtid[] {
  return text.trim() === '' ? [] : text.split(',').map(parseGtid);
}

/** Parses one GTID. Throws a RangeError for anything else. */
export function parseGtid(text: string): MariadbGtid {
  const match = GTID.exec(text);
  if (match === null)
    throw new RangeError(`not a GTID of MariaDB: ${JSON.stringify(text.slice(0, QUOTED_CHARACTERS))}`);
  return { domain: Number(match[1]), server: match[2] ?? '', sequence: BigInt(match[3] ?? '') };
}

/** The domains that a list of GTIDs names, each once. Only within one domain are writes in an order that all servers share. */
export function domainsOf(gtids: readonly MariadbGtid[]): readonly number[] {
  return [...new Set(gtids.map(({ domain }) => domain))];
}

export function formatGtid({ domain, server, sequence }: MariadbGtid): string {
  return `${domain}-${server}-${sequence}`;
}
