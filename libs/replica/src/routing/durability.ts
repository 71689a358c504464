/**
 * What has to be safe before COMMIT succeeds, in PostgreSQL's words (`synchronous_commit`):
 *
 * - `remote_apply`: the synchronous standbys have replayed the transaction, so they show it
 * - `on`: they have it on their disks
 * - `remote_write`: they have handed it to their operating systems
 * - `local`: the primary has it on its disk; no standby is waited for
 */
export const DURABILITIES = ['remote_apply', 'on', 'remote_write', 'local'] as const;

export type Durability = (typeof DURABILITIES)[number];
