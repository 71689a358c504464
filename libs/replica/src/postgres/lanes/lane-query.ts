/* oxlint-disable eslint/no-underscore-dangle -- what is meant are the insides of `pg` */
import pg from 'pg';
import type { PreparedStatement, LaneCall } from '../../execution/database.js';

type Settled = (error: unknown, result: pg.QueryResult) => void;

/** What the server has said of the rows of a prepared statement. That cannot change: it would fail with 0A000. */
export interface RowShape {
  readonly fields: readonly pg.FieldDef[];
  /** A row with all columns, as `pg` makes one to copy it. */
  readonly emptyRow: object;
}

/** A prepared statement on one connection. */
export interface PgPreparedStatement extends PreparedStatement {
  /** `undefined` until it was first answered. */
  shape: RowShape | undefined;
}

/** What of `pg`'s result is needed, beside what its types say. */
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
  /** Sends the messages of the extended protocol: Parse where needed, Bind, Describe, Execute and Sync. */
  prepare(connection: object): void;
  handleRowDescription(message: { fields: pg.FieldDef[] }): void;
}

const Query = pg.Query as unknown as new (query: unknown, values: unknown, settled: Settled) => QueryInside;

/** A query that does not ask again what rows a prepared statement has: to say so and to read it takes both sides long. */
class LaneQuery extends Query {
  #statement: PgPreparedStatement | undefined;

  use(statement: PgPreparedStatement): void {
    this.name = statement.name;
    this.#statement = statement;
  }

  override prepare(connection: object): void {
    const shape = this.#statement?.shape;
    if (shape === undefined) return super.prepare(connection);
    const { _result: result } = this;
    const types = result._types ?? pg.types;
    result.fields = [...shape.fields];
    // Which parsers there are may have changed.
    result._parsers = shape.fields.map(({ dataTypeID, format }) =>
      types.getTypeParser(dataTypeID, format as 'text'),
    );
    result._prebuiltEmptyResultObject = shape.emptyRow;
    this._accumulateRows = true;
    const sender = senderOf(connection as Sender);
    try {
      super.prepare(sender);
    } finally {
      sender.flush();
    }
  }

  override handleRowDescription(message: { fields: pg.FieldDef[] }): void {
    super.handleRowDescription(message);
    const { fields, _parsers: parsers, _prebuiltEmptyResultObject: emptyRow } = this._result;
    // Of a `pg` that works otherwise nothing is remembered.
    if (this.#statement === undefined || !Array.isArray(parsers) || typeof emptyRow !== 'object') return;
    if (emptyRow !== null && fields === message.fields) this.#statement.shape = { fields, emptyRow };
  }
}

/** A query as `pg` makes one of a config, which it would copy first: that takes longer than all the rest. */
export function laneQuery(
  call: PgLaneCall,
  statement: PgPreparedStatement | undefined,
  settled: Settled,
): object {
  const { text, values, rowMode, types } = call;
  const isPlain = rowMode === undefined && types === undefined;
  const query = new LaneQuery(isPlain ? text : { text, rowMode, types }, values, settled);
  if (statement !== undefined) query.use(statement);
  return query;
}

/** What of a `pg` connection's insides is needed: all messages go through it. */
interface Sender {
  _send(message: Buffer): void;
}

/** A connection that asks for no description, and keeps messages back to send them as one: each that is sent alone takes time. */
interface GatheringSender extends Sender {
  flush(): void;
}

const SENDERS = new WeakMap<Sender, GatheringSender>();

function senderOf(connection: Sender): GatheringSender {
  const known = SENDERS.get(connection);
  if (known !== undefined) return known;
  let messages: Buffer[] = [];
  const sender = Object.assign(Object.create(connection) as Sender, {
    describe: (): void => undefined,
    _send: (message: Buffer): void => void messages.push(message),
    flush: (): void => {
      const gathered = messages;
      messages = [];
      if (gathered.length > 0) connection._send(Buffer.concat(gathered));
    },
  });
  SENDERS.set(connection, sender);
  return sender;
}

/** What a lane takes of a call. Also a config of `pg`'s: the same read on a connection of its own. */
export interface PgLaneCall extends LaneCall {
  readonly values: readonly unknown[] | undefined;
  readonly rowMode: unknown;
  readonly types: unknown;
}

const KEYS = new Set(['text', 'values', 'rowMode', 'types']);

/** The arguments of a call of `query`, without a callback, in one form; `undefined` where they ask for more. */
export function laneCallOf(args: readonly unknown[]): PgLaneCall | undefined {
  const [query, values] = args;
  if (args.length > 2 || !areValues(values)) return undefined;
  if (typeof query === 'string') return { text: query, values, rowMode: undefined, types: undefined };
  if (typeof query !== 'object' || query === null) return undefined;
  // A class of somebody's own may have getters, or a say in how it is sent.
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
