import { describe, expect, it } from '@jest/globals';
import type { PreparableText } from '../../execution/database.js';
import type { MysqlConnection } from '../connection.js';
import {
  arePreparable,
  MysqlPreparedStatements,
  type MysqlPreparedStatement,
} from './prepared-statements.js';
import { importMysql2 } from '../mysql2-module.js';

await importMysql2();

/** A command that waits for the answer of the server. */
interface SentCommand {
  readonly kind: string;
  readonly onResult?: (error: unknown, statement?: object) => void;
}

const [A, B, C]: readonly PreparableText[] = ['a', 'b', 'c'].map((digest) => ({ digest }));

function prepared(
  perConnection = 2,
  config: object = { typeCast: true },
): { it: MysqlPreparedStatements; sent: SentCommand[] } {
  const sent: SentCommand[] = [];
  const connection = { driver: { config } } as unknown as MysqlConnection;
  const send = (command: unknown): void =>
    void sent.push({ ...(command as SentCommand), kind: (command as object).constructor.name });
  return { it: new MysqlPreparedStatements(connection, perConnection, send), sent };
}

class CloseCommand {}

const statementWith = (...types: readonly number[]): object => ({
  columns: types.map((columnType) => ({ columnType })),
  close: () => new CloseCommand(),
  execute: () => ({}),
});

/** Prepares a text; `answer`: that of the server. */
function prepare(
  statements: MysqlPreparedStatements,
  sent: readonly SentCommand[],
  { text, answer }: { readonly text: PreparableText; readonly answer: object | Error },
): MysqlPreparedStatement {
  const entry = statements.use(text) as MysqlPreparedStatement;
  statements.prepare(entry, 'SELECT 1');
  const { onResult } = sent.at(-1) as SentCommand;
  if (answer instanceof Error) onResult?.(answer);
  else onResult?.(null, answer);
  return entry;
}

describe('the prepared statements of a connection', () => {
  it('are used once the server has answered', () => {
    const { it: statements, sent } = prepared();
    const entry = statements.use(A!) as MysqlPreparedStatement;
    expect(entry).toMatchObject({ name: 'a', state: 'new' });
    statements.prepare(entry, 'SELECT 1');
    expect(statements.use(A!)).toBeUndefined();
    sent[0]?.onResult?.(null, statementWith(3));
    expect(statements.use(A!)).toBe(entry);
    expect(statements.isPrepared('a')).toBe(true);
  });

  it('leave out what the server cannot prepare, and FLOAT', () => {
    const { it: statements, sent } = prepared();
    prepare(statements, sent, { text: A!, answer: new Error('1295') });
    prepare(statements, sent, { text: B!, answer: statementWith(3, 4) });
    expect([statements.use(A!), statements.use(B!)]).toEqual([undefined, undefined]);
    expect(sent.at(-1)?.kind).toBe('CloseCommand');
  });

  it('close the one that was used longest ago if there are too many', () => {
    const { it: statements, sent } = prepared(2);
    for (const text of [A!, B!]) prepare(statements, sent, { text, answer: statementWith(3) });
    statements.use(A!);
    statements.use(C!);
    expect(sent.at(-1)?.kind).toBe('CloseCommand');
    expect(statements.use(A!)?.state).toBe('ready');
    expect(statements.use(B!)?.state).toBe('new');
  });

  it('forget what the server has lost', () => {
    const { it: statements, sent } = prepared();
    for (const text of [A!, B!]) prepare(statements, sent, { text, answer: statementWith(3) });
    expect(statements.forgetAll(A!, 'a')).toBe(true);
    expect(statements.forgetAll(A!, 'a')).toBe(false);
    expect([statements.use(A!)?.state, statements.use(B!)?.state]).toEqual(['new', 'new']);
  });

  it.each([{ typeCast: () => undefined }, { typeCast: false }, { typeCast: true, queryFormat: () => '' }])(
    'are none if the application reads or writes values in a way of its own: %p',
    (config) => {
      expect(prepared(2, config).it.use(A!)).toBeUndefined();
    },
  );
});

describe('values for a prepared statement', () => {
  it.each([
    [[1, -2, 'a', null, 10n], true],
    [[1.5], false],
    [[2 ** 60], false],
    [[new Date()], false],
    [[[1, 2]], false],
    [[undefined], false],
    [{ id: 1 }, false],
    [undefined, false],
  ])('%p: %p', (values, isSuitable) => {
    expect(arePreparable(values)).toBe(isSuitable);
  });
});
