import { describe, expect, it } from '@jest/globals';
import type { LaneConnectionInside } from './lane-command.js';
import type { Column } from './faithful-columns.js';
import { LaneExecute, type ExecutableStatement } from './lane-execute.js';

/** A packet whose content is a list of bytes; what stands for a column or a row is an object. */
class FakePacket {
  readonly end: number;
  offset = 0;

  constructor(
    readonly bytes: readonly number[],
    readonly value?: unknown,
  ) {
    this.end = bytes.length;
  }

  isError = (): boolean => this.bytes[0] === 0xff;
  isEOF = (): boolean => this.bytes[0] === 0xfe;
  asError = (): Error => new Error(String(this.value));
  readInt8 = (): number => this.bytes[this.offset++]!;
  readLengthCodedNumber = (): number => this.bytes[this.offset++]!;
}

class FakeColumn {
  readonly name: unknown;
  readonly columnType: number;

  constructor({ bytes, value }: FakePacket) {
    this.name = value;
    this.columnType = bytes[1] ?? 3;
  }
}

const EOF = new FakePacket([0xfe]);
const column = (name: string): FakePacket => new FakePacket([3], name);
const row = (value: unknown): FakePacket => new FakePacket([0], value);
/** The number of columns; MariaDB adds a 0 if they do not follow, and a 1 if they do. */
const header = (...bytes: readonly number[]): FakePacket => new FakePacket(bytes);

/** A statement with one column, and the number of parsers that were made for it. */
function prepared(): { statement: ExecutableStatement; made: () => number } {
  let made = 0;
  const model = {
    start: () => 'sent',
    buildParserFromFields: (columns: readonly Column[]) => {
      made++;
      return class {
        next({ value }: FakePacket): unknown {
          if (value instanceof Error) throw value;
          return { [columns[0]!.name]: value };
        }
      };
    },
  };
  const columns = [new FakeColumn(column('a'))] as unknown as Column[];
  return { statement: { statement: {}, model, columns, parser: undefined }, made: () => made };
}

/** What a read answers whose answer has these packets. */
function answerOf(statement: ExecutableStatement, packets: readonly FakePacket[]): readonly unknown[] {
  const answers: unknown[][] = [];
  const command = new LaneExecute(statement, [], (...answer) => answers.push(answer));
  const connection = { sequenceId: 7, config: {} } as unknown as LaneConnectionInside;
  expect([command.execute(undefined, connection), connection.sequenceId]).toEqual([false, 0]);
  const ends = packets.map((packet) => command.execute(packet as never, connection));
  expect(ends).toEqual(packets.map((_, index) => index === packets.length - 1));
  expect(answers).toEqual([]);
  command.settle();
  expect(answers).toHaveLength(1);
  return answers[0]!;
}

const COLUMN_A = [expect.objectContaining({ name: 'a' })];

describe('a run of a prepared statement', () => {
  it.each([
    ['MySQL', [1]],
    ['MariaDB', [1, 1]],
  ])('reads an answer that has the columns, as %s sends it', (_server, count) => {
    const { statement } = prepared();
    const packets = [header(...count), column('a'), EOF, row(1), row(2), EOF];
    expect(answerOf(statement, packets)).toEqual([null, [{ a: 1 }, { a: 2 }], COLUMN_A]);
  });

  it('reads an answer without the columns by what the server told last', () => {
    const { statement, made } = prepared();
    for (const value of [1, 2])
      expect(answerOf(statement, [header(1, 0), EOF, row(value), EOF])).toEqual([
        null,
        [{ a: value }],
        COLUMN_A,
      ]);
    expect(made()).toBe(1);
    expect(answerOf(statement, [header(1, 1), column('b'), EOF, row(3), EOF])[1]).toEqual([{ b: 3 }]);
    expect(answerOf(statement, [header(1, 0), EOF, EOF])).toMatchObject([null, [], [{ name: 'b' }]]);
    expect(answerOf(statement, [header(1, 0), EOF, row(4), EOF])[1]).toEqual([{ b: 4 }]);
    expect(made()).toBe(2);
  });

  it('lets nobody change the columns of later answers', () => {
    const { statement } = prepared();
    const [, , columns] = answerOf(statement, [header(1, 0), EOF, EOF]);
    (columns as unknown[]).pop();
    expect(answerOf(statement, [header(1, 0), EOF, row(1), EOF])).toEqual([null, [{ a: 1 }], COLUMN_A]);
  });

  it.each([
    ['at once', [new FakePacket([0xff], 'no')]],
    ['between rows', [header(1, 0), EOF, row(1), new FakePacket([0xff], 'no')]],
    ['by a value that cannot be parsed', [header(1, 0), EOF, row(new Error('no')), row(1), EOF]],
  ])('fails %s, after its last packet', (_when, packets) => {
    expect(answerOf(prepared().statement, packets)).toEqual([new Error('no'), undefined, undefined]);
  });

  it('is to be sent as text once its table has a FLOAT', () => {
    const packets = [header(1, 1), new FakePacket([3, 4], 'f'), EOF, row(1.100000023841858), EOF];
    expect(answerOf(prepared().statement, packets)).toMatchObject([{ errno: 1615 }, undefined, undefined]);
  });

  it('fails if the server gives no rows at all', () => {
    const [error] = answerOf(prepared().statement, [header(0, 0, 0, 2, 0, 0, 0)]);
    expect(error).toMatchObject({ message: 'the server answered a read without rows' });
  });
});
