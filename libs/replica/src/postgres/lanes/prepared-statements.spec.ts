import { preparedFailureOf } from '../error-kinds.js';
import { PgPreparedStatements } from './prepared-statements.js';
import { StatementCost } from '../../execution/lanes/statement-cost.js';

const [A, B, C] = ['a', 'b', 'c'].map((text) => new StatementCost(text)) as [
  StatementCost,
  StatementCost,
  StatementCost,
];

/** A connection whose server prepares everything that it is told to. */
class Server {
  readonly closed: string[] = [];
  readonly parsedStatements: Record<string, string> = {};
  readonly prepared: PgPreparedStatements;

  constructor(perConnection: number) {
    this.prepared = new PgPreparedStatements({ connection: this } as never, perConnection);
  }

  close({ name }: { name: string }): void {
    this.closed.push(name);
  }

  /** Sends the statement and learns that it is prepared. */
  run(cost: StatementCost): string {
    const name = this.prepared.use(cost)?.name;
    if (name === undefined) throw new Error('it has no name');
    this.parsedStatements[name] = cost.text;
    return name;
  }
}

describe('the prepared statements of a connection', () => {
  it('have names that identify their texts', () => {
    const [one, other] = [new Server(3), new Server(3)];
    const name = one.run(A);
    expect(other.run(new StatementCost('a'))).toBe(name);
    expect(one.run(B)).not.toBe(name);
    // The server truncates longer names (NAMEDATALEN).
    expect(name.length).toBeLessThan(64);
  });

  it('have no name for further reads until the first is prepared', () => {
    const server = new Server(3);
    const name = server.prepared.use(A)?.name as string;
    expect(server.prepared.use(A)?.name).toBeUndefined();
    server.parsedStatements[name] = 'a';
    expect(server.prepared.use(A)?.name).toBe(name);
  });

  it('are closed when there are too many, least recently used first', () => {
    const server = new Server(2);
    server.run(A);
    const nameOfB = server.run(B);
    server.run(A);
    server.run(C);
    expect(server.closed).toEqual([nameOfB]);
    expect(server.parsedStatements[nameOfB]).toBeUndefined();
    expect(server.prepared.size).toBe(2);
  });

  it('get a new name once after they are lost', () => {
    const server = new Server(2);
    const name = server.run(A);
    expect(server.prepared.forget(A, name)).toBe(true);
    expect(server.prepared.forget(A, name)).toBe(false);
    expect(server.closed).toEqual([name]);
    expect(server.run(A)).not.toBe(name);
  });

  it('all get new names after the server has lost one', () => {
    const server = new Server(3);
    const [nameOfA, nameOfB] = [server.run(A), server.run(B)];
    expect(server.prepared.forgetAll(A, nameOfA)).toBe(true);
    expect(server.prepared.forgetAll(B, nameOfB)).toBe(false);
    expect(server.closed).toEqual([nameOfA, nameOfB]);
    expect([server.run(A), server.run(B)]).not.toEqual([nameOfA, nameOfB]);
  });

  it.each([
    ['26000', 'lost'],
    ['0A000', 'changed'],
    ['42P05', 'lost'],
    ['42P01', undefined],
    [undefined, undefined],
  ])('fail with the code %s: %s', (code, failure) => {
    expect(preparedFailureOf(Object.assign(new Error('any'), { code }))).toBe(failure);
  });
});
