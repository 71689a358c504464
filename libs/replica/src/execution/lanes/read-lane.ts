import { messageOf } from '../../errors/describe-error.js';
import type {
  Answer,
  Connection,
  LaneConnection,
  PreparedStatement,
  PreparedStatements,
} from '../database.js';
import type { LaneRead } from './lane-read.js';
import type { LaneTools } from './lane-tools.js';
import type { LoopTurn } from './loop-clock.js';

export interface LaneOwner {
  /** How many statements stay prepared on a connection. */
  readonly maxPrepared: number;
  shouldPrepare(read: LaneRead): boolean;
  preparedLost(): void;
  answered(lane: ReadLane): void;
  lost(lane: ReadLane, error: unknown): void;
}

interface SentRead {
  readonly read: LaneRead;
  readonly name: string | undefined;
  readonly sentMs: number;
  readonly sentIn: LoopTurn;
  /** Whether nothing else was under way when it was sent. */
  readonly isAlone: boolean;
  readonly expectedMs: number;
}

/** One connection that many reads share. The server answers them in order, each on its own: an error in one harms no other. */
export class ReadLane {
  readonly connection: Connection;
  readonly openedMs: number;
  /** Whether it takes no more reads and returns its connection after the last answer. */
  isLeaving = false;
  /** Whether its oldest read takes far longer than expected. */
  isStuck = false;
  lastAnswerMs: number;
  /** When it last answered a fast read, the kind that lanes are for. */
  lastFastMs = -Infinity;
  /** When the last answer came by the clock that excludes event-loop delay. */
  #lastEventMs = 0;
  /** The turn of the loop in which it took its last read. */
  lastSentIn: LoopTurn | undefined;
  /** How long the server will need for the reads under way, as far as known; milliseconds. */
  backlogMs = 0;
  readonly #tools: LaneTools;
  readonly #owner: LaneOwner;
  readonly #lane: LaneConnection;
  readonly #sent = new Set<SentRead>();
  /** Whether the connection has not run a statement yet. Then its first measurement says nothing. */
  #isFresh: boolean;
  #isSending = false;
  #isLost = false;

  constructor(connection: Connection, tools: LaneTools, owner: LaneOwner) {
    this.#tools = tools;
    this.#owner = owner;
    this.connection = connection;
    this.openedMs = this.lastAnswerMs = tools.nowMs();
    this.#isFresh = tools.connections.takeFresh(connection);
    this.#lane = tools.database.openLane(connection, owner.maxPrepared, (error) => this.#lost(error));
  }

  get inFlight(): number {
    return this.#sent.size;
  }

  /** Whether nobody waits for the reads under way any more, because all of them were answered elsewhere. */
  get isAbandoned(): boolean {
    for (const { read } of this.#sent) if (!read.isSettled) return false;
    return this.#sent.size > 0;
  }

  /** Since when the server has been working on the oldest read. */
  get headSinceMs(): number | undefined {
    for (const { sentMs } of this.#sent) return Math.max(sentMs, this.lastAnswerMs);
    return undefined;
  }

  /** The reads under way that are not answered yet, the oldest first. */
  get reads(): LaneRead[] {
    return Array.from(this.#sent, ({ read }) => read).filter(({ isSettled }) => !isSettled);
  }

  send(read: LaneRead): void {
    const { clock, nowMs, tracing } = this.#tools;
    const mayPrepare = read.mayBePrepared && this.#owner.shouldPrepare(read);
    const statement = mayPrepare ? this.#prepared.use(read.cost) : undefined;
    const sent: SentRead = {
      read,
      name: statement?.name,
      sentMs: nowMs(),
      sentIn: clock.sent(),
      isAlone: this.#sent.size === 0,
      expectedMs: read.cost.averageMs ?? 0,
    };
    this.lastSentIn = sent.sentIn;
    // Add it before sending: if its values cannot be sent, `settled` is called at once.
    this.#sent.add(sent);
    this.backlogMs += sent.expectedMs;
    read.sent();
    if (read.trace !== undefined) read.trace.usesLane = true;
    this.#isSending = true;
    if (tracing.tracer === undefined) this.#submit(sent, statement);
    else tracing.tracer.quietly(() => this.#submit(sent, statement));
    this.#isSending = false;
  }

  #submit(sent: SentRead, statement: PreparedStatement | undefined): void {
    this.#lane.send(sent.read.call, statement, (error, answer) => this.#settled(sent, error, answer));
  }

  /** Turns it back into an ordinary connection. No read may be under way. */
  leave(): Connection {
    this.#lane.close();
    return this.connection;
  }

  get #prepared(): PreparedStatements {
    return this.#lane.prepared;
  }

  #lost(error: unknown): void {
    if (this.#isLost) return;
    this.#isLost = true;
    this.#owner.lost(this, error);
  }

  #settled(sent: SentRead, error: unknown, answer: Answer): void {
    const { read } = sent;
    const { database, connections } = this.#tools;
    const { errors } = database;
    if (this.#isSending) return this.#couldNotSend(sent, error);
    if (!this.#sent.delete(sent)) return;
    this.backlogMs = this.#sent.size === 0 ? 0 : this.backlogMs - sent.expectedMs;
    this.isStuck = false;
    if (error === null || error === undefined) {
      this.#measure(sent);
      read.answered(answer);
    } else if (this.#isLost || errors.isConnectionLoss(error)) {
      // Even if the error is of another kind: nobody can tell any longer which answer belongs to which read.
      const loss = errors.isConnectionLoss(error) ? error : errors.connectionLost(messageOf(error));
      read.failed(connections.explain(this.connection, loss), true);
      this.#lost(error);
      return;
    } else {
      this.#measure(sent);
      this.#failed(sent, error);
    }
    this.#owner.answered(this);
  }

  /** The driver could not send the read's values. It may close the statement instead, and the answer to that is still to come. */
  #couldNotSend({ read, name }: SentRead, error: unknown): void {
    if (name !== undefined) this.#prepared.forget(read.cost, name);
    read.failed(error, false);
  }

  #failed({ read, name }: SentRead, error: unknown): void {
    if (name !== undefined) {
      const failure = this.#tools.database.errors.preparedFailureOf(error);
      if (failure !== undefined) return this.#sendUnprepared(read, name, failure);
      // It failed before the server had prepared it.
      if (!this.#prepared.isPrepared(name)) this.#prepared.forget(read.cost, name);
    }
    read.failed(error, false);
  }

  #measure({ read, sentMs, sentIn, isAlone }: SentRead): void {
    const { clock, connections, costs, nowMs } = this.#tools;
    const { eventsMs } = clock;
    const tookMs = Math.max(0, eventsMs - Math.max(sentIn.endMs ?? sentMs, this.#lastEventMs));
    this.#lastEventMs = eventsMs;
    this.lastAnswerMs = nowMs();
    if (this.#isFresh) {
      this.#isFresh = false;
      return;
    }
    if (isAlone) costs.measuredAlone(read.cost, tookMs);
    else costs.measured(read.cost, tookMs);
    if (read.cost.isFast) this.lastFastMs = this.lastAnswerMs;
    connections.measured(isAlone ? tookMs : tookMs + costs.roundTripMs);
  }

  #sendUnprepared(read: LaneRead, name: string, failure: 'changed' | 'lost'): void {
    // A changed table does not mean that the server loses statements.
    if (failure === 'changed') this.#prepared.forget(read.cost, name);
    else if (this.#prepared.forgetAll(read.cost, name)) this.#owner.preparedLost();
    read.returned();
    if (read.isSettled) return;
    read.mayBePrepared = false;
    this.send(read);
  }
}
