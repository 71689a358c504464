import type {
  Answer,
  Connection,
  Database,
  PreparedStatement,
  PreparedStatements,
  SentCall,
} from '../database.js';
import { StatementCosts, type StatementCost } from '../lanes/statement-cost.js';
import { Preparation, type PreparePolicy } from '../prepare-policy.js';

interface PreparedWrite extends SentCall {
  readonly prepared: PreparedStatement;
  readonly text: StatementCost;
  readonly statements: PreparedStatements;
}

interface PreparedWritesOptions {
  readonly database: Database;
  readonly policy: PreparePolicy;
  readonly nowMs: () => number;
}

/**
 * Sends the writes of one node as prepared statements if their texts come again and again: to parse and plan a short write takes the
 * server longer than to run it. Only for writes outside transactions. If a statement turns out to be gone, such a write has not
 * happened and is sent again, whereas a transaction would have failed.
 */
export class PreparedWrites {
  readonly #database: Database;
  readonly #preparation: Preparation;
  readonly #texts = new StatementCosts();

  constructor({ database, policy, nowMs }: PreparedWritesOptions) {
    this.#database = database;
    this.#preparation = new Preparation(policy, nowMs);
  }

  /** Runs one write through `send`, and once more, as the application passed it, if it failed only because it was prepared. */
  run(
    connection: Connection,
    args: readonly unknown[],
    send: (call: SentCall) => Promise<Answer>,
  ): Promise<Answer> {
    const write = this.#prepare(connection, args);
    if (write === undefined) return send({ args });
    return send(write).catch((error: unknown) => {
      if (!this.#mustResend(write, error)) throw error;
      return send({ args });
    });
  }

  #prepare(connection: Connection, args: readonly unknown[]): PreparedWrite | undefined {
    const { preparedWrites: support } = this.#database;
    const call = support?.callOf(args);
    const text = call === undefined ? undefined : this.#texts.of(call.text);
    if (text === undefined || !this.#preparation.isDue(text)) return undefined;
    const statements = support?.statementsOf(connection, this.#preparation.perConnection);
    const prepared = statements?.use(text);
    return statements === undefined || prepared === undefined
      ? undefined
      : { args: [call], prepared, text, statements };
  }

  #mustResend({ prepared: { name }, text, statements }: PreparedWrite, error: unknown): boolean {
    const { preparedWrites: support, errors } = this.#database;
    if (errors.isConnectionEnd(error)) return false;
    const failure = support?.failureOf(error, name);
    if (failure === 'lost' && statements.forgetAll(text, name)) this.#preparation.noteLoss();
    // A write that never got as far as to be prepared is not prepared when it comes again.
    if (failure === 'changed' || !statements.isPrepared(name)) statements.forget(text, name);
    return failure !== undefined;
  }
}
