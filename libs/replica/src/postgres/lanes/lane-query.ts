/* oxlint-disable eslint/no-underscore-dangle -- these are private members of `pg` */
import type pg from 'pg';
import type { PreparedStatement, LaneCall } from '../../execution/database.js';
import { pgModule } from '../pg-module.js';

/** A read in the form that a lane takes. It is also a valid `pg` config, to run the same read on its own connection. */
export interface PgLaneCall extends LaneCall {
  readonly values: readonly unknown[] | undefined;
  readonly rowMode: unknown;
  readonly types: unknown;
}

const KEYS = new Set(['text', 'values', 'rowMode', 'types']);

/** Normalizes the arguments of a `query()` call without its callback; `undefined` if they ask for more than a lane can do. */
export function laneCallOf(args: readonly unknown[]): PgLaneCall | undefined {
  const [query, values] = args;
  if (args.length > 2 || !areValues(values)) return undefined;
  if (typeof query === 'string') return { text: query, values, rowMode: undefined, types: undefined };
  if (typeof query !== 'object' || query === null) return undefined;
  // An object of another class may have getters, or control how it is sent.
  if (Object.getPrototypeOf(query) !== Object.prototype) return undefined;
  const config = query as Record<string, unknown>;
  for (const key of Object.keys(config)) if (!KEYS.has(key) && config[key] !== undefined) return undefined;
  const { text, values: own, rowMode, types } = config;
  if (typeof text !== 'string' || !areValues(own)) return undefined;
  return { text, values: values ?? own, rowMode, types };
}

function areValues(values: unknown): values is readonly unknown[] | undefined {
  return values === undefined || values === null || Array.isArray(values);
}

export type QueryCallback = (error: unknown, result: pg.QueryResult) => void;

/** How the server described the rows of a prepared statement; without fields: it said that there are none. It cannot change: the statement would fail with 0A000 instead. */
interface RowShape {
  readonly fields: readonly pg.FieldDef[];
  /** A row with all columns, which `pg` copies for each row. `null`: there are no rows. */
  readonly emptyRow: object | null;
}

const NO_ROWS: RowShape = { fields: [], emptyRow: null };

export interface PgPreparedStatement extends PreparedStatement {
  /** `undefined` until the statement is first answered. */
  shape: RowShape | undefined;
}

/** The private parts of a `pg` result that a lane uses. */
interface ResultInside {
  fields: readonly pg.FieldDef[];
  _parsers?: readonly unknown[];
  _prebuiltEmptyResultObject?: object | null;
  readonly _types?: Pick<typeof pg.types, 'getTypeParser'>;
}

interface QueryInside {
  name: string | undefined;
  _accumulateRows?: unknown;
  readonly _result: ResultInside;
  submit(connection: object): unknown;
  /** Sends the messages of the extended protocol: Parse where needed, Bind, Describe, Execute and Sync. */
  prepare(connection: object): void;
  handleRowDescription(message: { fields: pg.FieldDef[] }): void;
  handleCommandComplete(message: object, connection: object): void;
}

type QueryClass = new (query: unknown, values: unknown, callback: QueryCallback) => QueryInside;

type LaneQueryClass = new (
  ...args: ConstructorParameters<QueryClass>
) => QueryInside & { use(statement: PgPreparedStatement): void };

let LaneQuery: LaneQueryClass | undefined;

/** The class of queries that do not ask for the row description of a prepared statement again, because that costs both sides time. */
function laneQueryOf({ Query, types: defaultTypes }: typeof pg): LaneQueryClass {
  return class extends (Query as unknown as QueryClass) {
    #statement: PgPreparedStatement | undefined;

    use(statement: PgPreparedStatement): void {
      this.#statement = statement;
    }

    /** Until now the query has no name: instrumentation of `pg` would call its span by that instead of what the query does. */
    override submit(connection: object): unknown {
      if (this.#statement !== undefined) this.name = this.#statement.name;
      return super.submit(connection);
    }

    override prepare(connection: object): void {
      const shape = this.#statement?.shape;
      if (shape === undefined) return super.prepare(connection);
      if (shape.emptyRow !== null) this.#expect(shape, shape.emptyRow);
      const sender = senderOf(connection as Sender);
      try {
        super.prepare(sender);
      } finally {
        sender.flush();
      }
    }

    #expect({ fields }: RowShape, emptyRow: object): void {
      const { _result: result } = this;
      const types = result._types ?? defaultTypes;
      result.fields = [...fields];
      // The application may have changed its type parsers.
      result._parsers = fields.map(({ dataTypeID, format }) =>
        types.getTypeParser(dataTypeID, format as 'text'),
      );
      result._prebuiltEmptyResultObject = emptyRow;
      this._accumulateRows = true;
    }

    override handleCommandComplete(message: object, connection: object): void {
      super.handleCommandComplete(message, connection);
      if (this.#statement === undefined || this.#statement.shape !== undefined) return;
      if (this._result._prebuiltEmptyResultObject === null) this.#statement.shape = NO_ROWS;
    }

    override handleRowDescription(message: { fields: pg.FieldDef[] }): void {
      super.handleRowDescription(message);
      const { fields, _parsers: parsers, _prebuiltEmptyResultObject: emptyRow } = this._result;
      // Remembers nothing if this version of `pg` works differently.
      if (this.#statement === undefined || !Array.isArray(parsers) || typeof emptyRow !== 'object') return;
      if (emptyRow !== null && fields === message.fields) this.#statement.shape = { fields, emptyRow };
    }
  };
}

/** Builds the query that `pg` would build from a config. `pg` would first copy the config, which takes longer than everything else. */
export function laneQuery(
  call: PgLaneCall,
  statement: PgPreparedStatement | undefined,
  callback: QueryCallback,
): object {
  const { text, values, rowMode, types } = call;
  const isPlain = rowMode === undefined && types === undefined;
  LaneQuery ??= laneQueryOf(pgModule());
  const query = new LaneQuery(isPlain ? text : { text, rowMode, types }, values, callback);
  if (statement !== undefined) query.use(statement);
  return query;
}

/** The private method of a `pg` connection that sends every message. */
interface Sender {
  _send(message: Buffer): void;
}

/** A connection that asks for no row description, and holds messages until `flush()` sends them in one write. */
interface BatchingSender extends Sender {
  flush(): void;
}

const SENDERS = new WeakMap<Sender, BatchingSender>();

function senderOf(connection: Sender): BatchingSender {
  const known = SENDERS.get(connection);
  if (known !== undefined) return known;
  let messages: Buffer[] = [];
  const sender = Object.assign(Object.create(connection) as Sender, {
    describe: (): void => undefined,
    _send: (message: Buffer): void => void messages.push(message),
    flush: (): void => {
      const batch = messages;
      messages = [];
      if (batch.length > 0) connection._send(Buffer.concat(batch));
    },
  });
  SENDERS.set(connection, sender);
  return sender;
}
