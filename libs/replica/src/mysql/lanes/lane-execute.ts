/* oxlint-disable eslint/no-underscore-dangle -- these are private members of `mysql2` */
import { areFaithful, type Column, type DateStrings } from './faithful-columns.js';
import type { LaneConnectionInside, Packet } from './lane-command.js';

type Callback = (error: unknown, rows?: unknown, fields?: unknown) => void;

/** The parts of `mysql2` that a packet has for those who read it. */
interface AnswerPacket extends Packet {
  readonly end: number;
  offset: number;
  isEOF(): boolean;
  readInt8(): number;
  readLengthCodedNumber(): number | null;
}

/** Reads the values of a row. */
interface RowParser {
  next(packet: Packet, columns: readonly Column[], options: object): unknown;
}

export type RowParserClass = new () => RowParser;

type ColumnDefinitionClass = new (packet: Packet, encoding: string, isExtended?: boolean) => Column;

/** The methods of `mysql2`'s own command that are used here, with another command for `this`. */
interface DriverExecute {
  /** Writes the packet. Returns `null` if the values cannot be sent; then the callback has the error. */
  start(this: LaneExecute, packet: undefined, connection: LaneConnectionInside): unknown;
  buildParserFromFields(
    this: LaneExecute,
    columns: readonly Column[],
    connection: LaneConnectionInside,
  ): RowParserClass;
}

/** What a connection has of `mysql2` besides what lanes use. */
interface ReadingConnection extends LaneConnectionInside {
  readonly config: { readonly dateStrings?: DateStrings };
  readonly clientEncoding: string;
  readonly _mariadbExtendedMetadata?: boolean;
}

/** What is known of a statement on its connection, once the server has prepared it. */
export interface ExecutableStatement {
  readonly statement: object | undefined;
  /** A command that `mysql2` has made to run it. It lends its methods. */
  readonly model: object | undefined;
  /** As the server last described them. */
  columns: readonly Column[];
  /** Reads the rows of these columns; `undefined`: nothing was read yet. */
  parser: RowParserClass | undefined;
}

/** What a server says if a statement has to be prepared again. The read then runs as a text. */
const HAS_CHANGED = 1615;

/** What the next packet of an answer is. */
const Next = { header: 0, column: 1, endOfColumns: 2, row: 3 } as const;

/**
 * Runs a prepared statement that gives rows, once. It does what the command of `mysql2` does, with its packets and its parsers of rows,
 * but makes next to nothing besides the rows, and takes an answer that does not repeat the columns (see {@link askForColumnsOnce}).
 */
export class LaneExecute {
  readonly statement: object;
  readonly parameters: readonly unknown[];
  readonly onResult: Callback;
  /** `mysql2` reads this when it writes the packet, and sets the others. */
  readonly _executeOptions = {};
  _connection: unknown;
  options: object = {};
  readonly #prepared: ExecutableStatement;
  #next: number = Next.header;
  #count = 0;
  #columns: readonly Column[] = [];
  #parser!: RowParser;
  readonly #rows: unknown[] = [];
  #failure: unknown = null;

  constructor(prepared: ExecutableStatement, values: readonly unknown[], callback: Callback) {
    this.#prepared = prepared;
    this.statement = prepared.statement as object;
    this.parameters = values;
    this.onResult = callback;
  }

  /** `mysql2` calls this when it writes the packet. */
  _setTimeout(): void {
    // A lane has a limit of its own.
  }

  /** As `mysql2` calls a command: without a packet to send it, then with each packet of the answer. Returns whether that is complete. */
  execute(packet: Packet | undefined, connection: LaneConnectionInside): boolean {
    if (packet !== undefined) return this.#read(packet as AnswerPacket, connection as ReadingConnection);
    connection.sequenceId = 0;
    return this.#model.start.call(this, undefined, connection) === null;
  }

  /** Called when the answer is complete, and the lane waits for the next one. */
  settle(): void {
    if (this.#failure === null) this.onResult(null, this.#rows, this.#columns.slice());
    else this.onResult(this.#failure, undefined, undefined);
  }

  get #model(): DriverExecute {
    return this.#prepared.model as DriverExecute;
  }

  #read(packet: AnswerPacket, connection: ReadingConnection): boolean {
    if (packet.isError()) {
      this.#failure = packet.asError(connection.clientEncoding);
      return true;
    }
    if (this.#next === Next.row) {
      if (packet.isEOF()) return true;
      this.#row(packet);
    } else if (this.#next === Next.header) return this.#header(packet);
    else if (this.#next === Next.column) this.#column(packet, connection);
    else this.#beginRows(connection);
    return false;
  }

  /** MariaDB puts a zero behind the number of columns if they are those that it told before. */
  #header(packet: AnswerPacket): boolean {
    this.#count = packet.readLengthCodedNumber() ?? 0;
    if (this.#count === 0) {
      this.#failure = new Error('the server answered a read without rows');
      return true;
    }
    const areOmitted = packet.offset < packet.end && packet.readInt8() === 0;
    this.#next = areOmitted ? Next.endOfColumns : Next.column;
    this.#columns = areOmitted ? this.#prepared.columns : [];
    return false;
  }

  #column(packet: AnswerPacket, connection: ReadingConnection): void {
    const ColumnDefinition = (this.#prepared.columns[0] as object).constructor as ColumnDefinitionClass;
    const { clientEncoding, _mariadbExtendedMetadata: isExtended } = connection;
    const columns = this.#columns as Column[];
    columns.push(new ColumnDefinition(packet, clientEncoding, isExtended));
    if (columns.length < this.#count) return;
    this.#next = Next.endOfColumns;
    this.#prepared.columns = columns;
    this.#prepared.parser = undefined;
    if (!areFaithful(columns, connection.config.dateStrings))
      this.#failure = Object.assign(new Error('the columns have changed'), { errno: HAS_CHANGED });
  }

  #beginRows(connection: ReadingConnection): void {
    this.#next = Next.row;
    const parser = (this.#prepared.parser ??= this.#model.buildParserFromFields.call(
      this,
      this.#columns,
      connection,
    ));
    this.#parser = new parser();
  }

  /** A value that cannot be parsed fails the read, but the rest of its answer still comes. */
  #row(packet: AnswerPacket): void {
    if (this.#failure !== null) return;
    try {
      this.#rows.push(this.#parser.next(packet, this.#columns, this.options));
    } catch (error) {
      this.#failure = error;
    }
  }
}
