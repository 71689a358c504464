import { EventEmitter } from 'node:events';
import type { Query } from 'mysql2';

/** The private parts of a `mysql2` connection that a lane uses. */
export interface LaneConnectionInside {
  /** The number of the next packet. Each command and its answer count from 0. */
  sequenceId: number;
  addCommand(command: object): void;
  /** Lets the command under way go on, with a packet or, at its start, without one. */
  handlePacket(packet?: Packet): void;
}

/** A packet from the server. */
export interface Packet {
  isError(): boolean;
  asError(encoding: string): Error;
}

/** The private parts of a command. */
interface CommandInside {
  /** Sends the command if there is no packet, and reads a packet of the answer otherwise. Returns whether the answer is complete. */
  execute(packet: Packet | undefined, connection: LaneConnectionInside): boolean;
  /** Called after the last packet, when the lane is ready for the next answer. The commands of `mysql2` do without. */
  settle?(): void;
  onResult?(error: unknown): void;
}

/** The first packet of an answer has this number. */
const FIRST_OF_ANSWER = 1;

/**
 * A command of `mysql2` that contains others. `mysql2` sends a command only when the one before is answered. To `mysql2` this is one
 * long command; inside, it sends each command at once, and hands the server's packets to the oldest one.
 */
export class LaneCommand extends EventEmitter {
  readonly #connection: LaneConnectionInside;
  readonly #lost: (error: unknown) => void;
  #sent: CommandInside[] = [];
  #isOver = false;

  /** @param lost called when the connection is lost, after all commands under way have failed */
  constructor(connection: LaneConnectionInside, lost: (error: unknown) => void) {
    super();
    this.#connection = connection;
    this.#lost = lost;
    connection.addCommand(this);
  }

  /** Sends a command. */
  send(query: Query | CommandInside): void {
    const command = query as CommandInside;
    const connection = this.#connection;
    const { sequenceId } = connection;
    this.#sent.push(command);
    const isOver = command.execute(undefined, connection);
    // It could not be sent, or the server does not answer to it.
    if (isOver) this.#sent.pop();
    // The number of the packet that is expected next belongs to an earlier command.
    if (isOver || this.#sent.length > 1) connection.sequenceId = sequenceId;
  }

  /** Lets the connection have other commands. None may be under way. */
  end(): void {
    this.#isOver = true;
    this.#connection.handlePacket();
  }

  /** `mysql2` calls this without a packet when the command begins, and when {@link end} asks it to. */
  execute(packet: Packet | undefined, connection: LaneConnectionInside): boolean {
    if (packet === undefined) return this.#isOver;
    const [oldest] = this.#sent;
    if (oldest === undefined) {
      this.onResult(packet.isError() ? packet.asError('utf8') : unexpected());
      return false;
    }
    if (oldest.execute(packet, connection)) {
      this.#sent.shift();
      connection.sequenceId = FIRST_OF_ANSWER;
      oldest.settle?.();
    }
    return false;
  }

  /** `mysql2` calls this when the connection is lost. */
  onResult(error: unknown): void {
    const sent = this.#sent;
    this.#sent = [];
    for (const command of sent) command.onResult?.(error);
    this.#lost(error);
  }
}

/** As `mysql2` calls it. */
function unexpected(): Error {
  return Object.assign(new Error('the server sent a packet that nobody asked for'), {
    code: 'PROTOCOL_UNEXPECTED_PACKET',
  });
}
