import { describe, expect, it } from '@jest/globals';
import { errorOfLoss, meaningOfLoss, type LossSite } from './loss-meaning.js';
import { POSTGRES_ERRORS as errors } from '../../postgres/error-kinds.js';
import { StatementClassifier } from '../../postgres/statements/statement-classifier.js';

const classifier = new StatementClassifier();
const LOST = new Error('Connection terminated unexpectedly');
const UNSENT = new Error('Client has encountered a connection error and is not queryable');

const CUT = Object.assign(new Error('terminating connection due to idle-in-transaction timeout'), {
  code: '25P03',
});

const OUTSIDE: Omit<LossSite, 'text'> = { onReplica: false };
const IN_READING: Omit<LossSite, 'text'> = { onReplica: false, transaction: { changes: false } };
const IN_WRITING: Omit<LossSite, 'text'> = { onReplica: false, transaction: { changes: true } };
const IN_REPLICAS: Omit<LossSite, 'text'> = { onReplica: true, transaction: { changes: false } };

describe('meaningOfLoss', () => {
  it.each([
    ['UPDATE t SET a = 1', OUTSIDE, LOST, 'write-unknown'],
    ['CREATE TABLE t ()', OUTSIDE, LOST, 'write-unknown'],
    [`NOTIFY c`, OUTSIDE, LOST, 'write-unknown'],
    ['SELECT my_function()', OUTSIDE, LOST, 'write-unknown'],
    ['BEGIN; UPDATE t SET a = 1; COMMIT', OUTSIDE, LOST, 'write-unknown'],
    ['UPDATE t SET a = 1', OUTSIDE, UNSENT, 'nothing'],
    ['SELECT 1', OUTSIDE, LOST, 'nothing'],
    ['SELECT 1 FOR UPDATE', OUTSIDE, LOST, 'nothing'],
    ['START TRANSACTION', OUTSIDE, LOST, 'nothing'],
    ['SET a = 1', OUTSIDE, LOST, 'nothing'],
    ['UPDATE t SET a = 1', IN_WRITING, LOST, 'rolled-back'],
    ['SELECT 1', IN_WRITING, LOST, 'rolled-back'],
    ['SAVEPOINT a', IN_WRITING, LOST, 'rolled-back'],
    ['RELEASE SAVEPOINT a', IN_WRITING, LOST, 'rolled-back'],
    ['COMMIT', IN_WRITING, LOST, 'commit-unknown'],
    ['end;', IN_WRITING, LOST, 'commit-unknown'],
    ['COMMIT AND CHAIN', IN_WRITING, LOST, 'commit-unknown'],
    ['PREPARE TRANSACTION $$a$$', IN_WRITING, LOST, 'commit-unknown'],
    ['UPDATE t SET a = 1; COMMIT', IN_READING, LOST, 'commit-unknown'],
    ['COMMIT', IN_WRITING, UNSENT, 'rolled-back'],
    ['COMMIT', IN_READING, LOST, 'rolled-back'],
    ['ROLLBACK', IN_WRITING, LOST, 'rolled-back'],
    [' rollback work ; ', IN_WRITING, LOST, 'rolled-back'],
    ['ABORT', IN_WRITING, LOST, 'rolled-back'],
    // Whatever the first word says, the server may have reached the COMMIT.
    ['COMMIT; ROLLBACK', IN_WRITING, LOST, 'commit-unknown'],
    ['COMMIT', IN_REPLICAS, LOST, 'rolled-back'],
    ['UPDATE t SET a = 1', OUTSIDE, CUT, 'nothing'],
    ['COMMIT', IN_WRITING, CUT, 'rolled-back'],
    ['COMMIT; SELECT 1', IN_WRITING, CUT, 'commit-unknown'],
  ] as const)('tells what a loss means for %s in %j (%p)', (text, site, error, meaning) => {
    expect(meaningOfLoss(classifier.classify(text), { ...site, text }, { error, errors })).toBe(meaning);
  });
});

describe('errorOfLoss', () => {
  const node = { name: 'primary', address: 'db:5432' };

  it.each([
    ['commit-unknown', { code: 'REPLICA_COMMIT_OUTCOME_UNKNOWN', node: 'primary', step: 'commit' }],
    ['write-unknown', { code: 'REPLICA_COMMIT_OUTCOME_UNKNOWN', node: 'primary', step: 'statement' }],
    ['rolled-back', { code: 'REPLICA_TRANSACTION_LOST', node: 'primary' }],
  ] as const)('gives an error with a code and the cause for %s', (meaning, expected) => {
    expect(errorOfLoss(meaning, node, { error: LOST, errors })).toMatchObject({ ...expected, cause: LOST });
  });

  it("keeps the driver's error if nothing was to be written", () => {
    expect(errorOfLoss('nothing', node, { error: LOST, errors })).toBe(LOST);
  });

  it('says that a statement was not sent', () => {
    expect(errorOfLoss('nothing', node, { error: UNSENT, errors })).toMatchObject({
      code: 'REPLICA_NODE_UNAVAILABLE',
      message: expect.stringContaining('nothing was sent'),
    });
  });
});
