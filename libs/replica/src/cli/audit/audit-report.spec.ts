import { describe, expect, it } from '@jest/globals';
import { PostgresDatabase } from '../../postgres/database.js';
import { Verdicts, type DecisionOptions } from '../verdict.js';
import { DEFAULTS } from '../../options/option-table.js';
import { auditReport, type AuditReport } from './audit-report.js';
import type { CountedText } from './statement-statistics.js';

const database = new PostgresDatabase({ connectTimeoutMs: 1, extra: {}, onIdleError: () => undefined });

const counted = (text: string, calls: number, totalMs: number): CountedText => ({
  candidates: [text],
  text,
  calls,
  totalMs,
});

function report(texts: readonly CountedText[], options: Partial<DecisionOptions> = {}): AuditReport {
  return auditReport(
    { source: 'somewhere', since: null, texts, notes: [], whyHidden: 'they are of others' },
    {
      classifier: database.createClassifier(),
      patternOf: database.patternOf,
      verdicts: new Verdicts(database, { ...DEFAULTS.routing, ...options } as DecisionOptions),
      suspects: [],
      top: 2,
    },
  );
}

const READ = counted('SELECT * FROM orders WHERE id = $1', 70, 300);
const WRITE = counted('UPDATE orders SET note = $1', 20, 500);
const LOCK = counted('SELECT * FROM orders FOR UPDATE', 5, 150);
const BEGIN = counted('BEGIN', 5, 50);

describe('auditReport', () => {
  it('tells what may leave, and what stays for which reason, the longest first', () => {
    expect(report([READ, BEGIN, WRITE, LOCK])).toMatchObject({
      all: { texts: 4, calls: 100, totalMs: 1_000 },
      mayLeave: { texts: 1, calls: 70, totalMs: 300 },
      stays: [
        { reason: 'write', calls: 20 },
        { reason: 'locking-read', calls: 5 },
        { reason: 'transaction-control', calls: 5 },
      ],
      top: [
        { text: 'UPDATE orders SET note = ?', kind: 'write', why: 'UPDATE', calls: 20, totalMs: 500 },
        { why: 'FOR UPDATE', reason: 'locking-read' },
      ],
      transactions: 5,
      hidden: { calls: 0 },
      notes: [],
    });
  });

  it('takes the likeliest text that makes sense', () => {
    const text = (literal: string): string => `SELECT 1 FROM orders WHERE at > now() - interval ${literal}`;
    const normalized = { ...counted(text('$1'), 10, 10), candidates: [text('$1'), text("'1'")] };
    expect(report([normalized]).mayLeave.calls).toBe(10);
  });

  it('leaves out what nobody can see, and says so', () => {
    const hidden = { candidates: [], text: null, calls: 1_234, totalMs: 5 };
    expect(report([READ, hidden])).toMatchObject({
      all: { calls: 70 },
      hidden: { calls: 1_234 },
      notes: ['1,234 calls are left out, because the server does not show their texts: they are of others'],
    });
  });

  it('counts a text that is cut off as staying', () => {
    const cut = { candidates: [], text: 'SELECT ...', problem: 'is cut off', calls: 1, totalMs: 1 };
    expect(report([cut]).top).toEqual([
      { text: 'SELECT ...', kind: null, reason: 'cut-off', why: 'is cut off', calls: 1, totalMs: 1 },
    ]);
  });

  it('counts texts together that differ in literals only, and shows none of these', () => {
    const lists = [1, 2, 3].map((count) =>
      counted(`UPDATE a SET b = 'it''s secret' WHERE c IN (${Array(count).fill('$1').join()})`, 2, count),
    );
    const user = counted(`CREATE USER bob PASSWORD E'a\\'secret'`, 1, 1);
    const { top } = report([...lists, user]);
    expect(top).toMatchObject([
      { text: 'UPDATE a SET b = ? WHERE c IN (?)', calls: 6, totalMs: 6 },
      { text: 'CREATE USER bob PASSWORD ?', calls: 1 },
    ]);
  });

  it('obeys the options that the router obeys', () => {
    expect(report([READ], { tables: { orders: 'primary' } }).stays).toMatchObject([{ reason: 'table-rule' }]);
    expect(report([READ], { tables: { orders: 'reports' } }).mayLeave.calls).toBe(70);
    expect(report([READ], { enabled: false }).stays).toMatchObject([{ reason: 'routing-disabled' }]);
    expect(report([READ], { defaultConsistency: 'strong' }).stays).toMatchObject([
      { reason: 'strong-consistency' },
    ]);
    expect(report([READ], { defaultReadPreference: 'primary' }).stays).toMatchObject([
      { reason: 'primary-preferred' },
    ]);
  });
});
