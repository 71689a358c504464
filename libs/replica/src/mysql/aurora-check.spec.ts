import { describe, expect, it } from '@jest/globals';
import type { ServerQuery } from '../execution/assumption-check.js';
import { checkAurora } from './aurora-check.js';
import type { AuroraRow } from './aurora-status.js';

const WRITER: AuroraRow = { innodb_read_only: 0, read_only: 0, told: 1, is_writer: 1, lag_ms: 0, told_ms: 1 };
const READER: AuroraRow = { ...WRITER, innodb_read_only: 1, is_writer: 0 };

/** Gives these answers one after the other, the last one again and again. */
const server = (...rows: readonly AuroraRow[]): ServerQuery => {
  let asked = 0;
  return (sql) => {
    if (sql.includes('SHOW VARIABLES')) return Promise.resolve([{ Variable_name: 'aurora_version' }]);
    return Promise.resolve([rows[Math.min(asked++, rows.length - 1)] as AuroraRow]);
  };
};

describe('checkAurora of MySQL', () => {
  it('finds nothing where it is not Aurora', async () => {
    await expect(checkAurora(() => Promise.resolve([]), server(READER))).resolves.toEqual([]);
  });

  it('lets a reader catch up', async () => {
    const findings = await checkAurora(
      server(WRITER),
      server(READER, { ...READER, told_ms: 7_200_000 }, READER),
    );
    expect(findings.map(({ isAsAssumed }) => isAsAssumed)).toEqual([true, true, true, true]);
  });

  it('tells when both connections lead to one instance, or one tells nonsense', async () => {
    expect((await checkAurora(server(WRITER), server(WRITER))).at(-1)).toEqual({
      isAsAssumed: false,
      text: 'one connection leads to the writer, the other one to a reader',
    });
    expect((await checkAurora(server(WRITER), server({ ...READER, told: 0 }))).at(-1)).toEqual({
      isAsAssumed: false,
      text: expect.stringMatching(/^the reader: .*: 0 rows for the instance that answers$/),
    });
  });
});
