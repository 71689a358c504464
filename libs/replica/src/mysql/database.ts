import type { EventEmitter } from 'node:events';
import { callersContext } from '../context/callers-context.js';
import {
  callAtOnce,
  type Answer,
  type Classifier,
  type Connection,
  type Database,
  type EndpointHooks,
  type NodeHooks,
  type Outside,
  type StreamCall,
  type TransactionStatus,
} from '../execution/database.js';
import { forwardEvents, type ConnectionOwner } from '../execution/forward-events.js';
import type { Statement } from '../execution/statements/statement.js';
import type { ResolvedNode } from '../options/resolve-nodes.js';
import type { Position } from '../session/position.js';
import type { NodeProbe } from '../topology/node-probe.js';
import type { ProbeFunction } from '../topology/probe-function.js';
import { isOkPacket, type MysqlAnswer, type QueryArguments } from './answer.js';
import { nodeConnection, probeConfig, withConnectionOf, type MysqlSettings } from './connection-options.js';
import { NEXT_TRANSACTION, physicalOf, type MysqlConnection } from './connection.js';
import { MYSQL_ERRORS } from './error-kinds.js';
import { MARIADB, type Flavor } from './flavor.js';
import { MariadbCluster, MysqlCluster, type GtidCluster } from './gtid-cluster.js';
import { laneCallOf } from './lanes/lane-call.js';
import { MysqlLane } from './lanes/lane-connection.js';
import { MysqlAccess } from './node-access.js';
import { MysqlEndpoint } from './endpoint.js';
import { MysqlProbe, openDirectly, type MysqlProbeOptions } from './node-probe.js';
import type { ConnectionSource } from './open-connection.js';
import { MysqlPiggyback } from './piggyback.js';
import { onlyCompares } from './statements/only-compares.js';
import { patternOf } from './statements/pattern-of.js';
import { StatementClassifier } from './statements/statement-classifier.js';
import type { MysqlStream } from './stream.js';
import { MYSQL_TERMS } from './terms.js';

const FORWARDED_EVENTS = ['end'] as const;

/** MariaDB and MySQL behind the port, through `mysql2`. Each server's greeting tells which of the two it is. */
export class MysqlDatabase implements Database {
  readonly errors = MYSQL_ERRORS;
  readonly patternOf = patternOf;
  readonly terms = MYSQL_TERMS;
  readonly piggyback: MysqlPiggyback;
  readonly withConnectionOf = withConnectionOf;
  readonly laneCallOf = laneCallOf;
  readonly #settings: MysqlSettings;
  readonly #mariadb = new MariadbCluster();
  readonly #mysql = new MysqlCluster();

  /** @param settings the settings that the pools of all nodes share */
  constructor(settings: MysqlSettings) {
    this.#settings = settings;
    this.piggyback = new MysqlPiggyback((flavor, gtid) => this.#clusterOf(flavor).positionOfWrite(gtid));
  }

  createClassifier(): Classifier {
    return new StatementClassifier();
  }

  openNode(node: ResolvedNode, hooks: NodeHooks, open?: ConnectionSource['open']): MysqlAccess {
    const settings = this.#settings;
    return new MysqlAccess({ ...nodeConnection(node, settings), open }, hooks, (error) => {
      hooks.onIdleError();
      settings.onIdleError(error, node.name);
    });
  }

  createProbe(
    node: ResolvedNode,
    probe: ProbeFunction | undefined,
    others: Pick<MysqlProbeOptions, 'open' | 'answered'> = {
      open: openDirectly(() => probeConfig(node, this.#settings)),
    },
  ): NodeProbe {
    const { name, address } = node;
    const subject = probe === undefined ? undefined : { name, address, probe };
    return new MysqlProbe({ ...others, clusterOf: this.#clusterOf, subject });
  }

  openEndpoint(node: ResolvedNode, { found }: EndpointHooks): MysqlEndpoint {
    return new MysqlEndpoint({
      pool: nodeConnection(node, this.#settings),
      probe: () => probeConfig(node, this.#settings),
      openNode: (server, hooks, open) => this.openNode(server, hooks, open),
      createProbe: (server, probe, others) => this.createProbe(server, probe, others),
      found,
    });
  }

  formatPosition(position: Position): string {
    return String(position);
  }

  nameInCatalog(name: string): string {
    return name;
  }

  rowsOf(answer: Answer): readonly Record<string, unknown>[] {
    const [rows] = answer as unknown as MysqlAnswer;
    return rows as readonly Record<string, unknown>[];
  }

  run(connection: Connection, args: readonly unknown[]): Promise<Answer> {
    return new Promise((resolve, reject) => {
      physicalOf(connection).query(args as unknown as QueryArguments, (error, answer) => {
        if (answer === undefined) reject(error);
        else resolve(answer as unknown as Answer);
      });
    });
  }

  async stream(connection: Connection, stream: StreamCall, quietly: Outside = callAtOnce): Promise<void> {
    await runStream(physicalOf(connection), stream as MysqlStream, quietly);
  }

  release(connection: Connection, error?: Error): void {
    const physical = physicalOf(connection);
    physical.owner?.giveBack(physical, error);
  }

  statusOf(connection: Connection): TransactionStatus {
    return physicalOf(connection).transaction;
  }

  reset(): Promise<void> {
    return Promise.reject(new Error('closed: it has to be made anew'));
  }

  cut(connection: Connection): boolean {
    return physicalOf(connection).cut();
  }

  keepProcessAlive(connection: Connection, isKept: boolean): void {
    physicalOf(connection).keepProcessAlive(isKept);
  }

  onEnd(connection: Connection, listener: () => void): () => void {
    const { driver } = physicalOf(connection);
    driver.on('end', listener);
    return () => driver.removeListener('end', listener);
  }

  forwardEvents(connection: Connection, owner: ConnectionOwner | undefined): void {
    forwardEvents(physicalOf(connection).driver, FORWARDED_EVENTS, owner);
  }

  openLane(connection: Connection, maxPrepared: number, onLost: (error: unknown) => void): MysqlLane {
    return new MysqlLane(physicalOf(connection), maxPrepared, onLost);
  }

  readonly #clusterOf = (flavor: Flavor): GtidCluster => (flavor === MARIADB ? this.#mariadb : this.#mysql);

  mayEndServer(text: string): boolean {
    return !onlyCompares(text);
  }

  leavesState({ keepsConnection }: Statement, text: string): boolean {
    return keepsConnection && !NEXT_TRANSACTION.test(text);
  }

  rolledBack(): Answer {
    const ok = {
      fieldCount: 0,
      affectedRows: 0,
      insertId: 0,
      info: '',
      serverStatus: 2,
      warningStatus: 0,
      changedRows: 0,
    };
    const answer: MysqlAnswer = [ok, undefined];
    return answer as unknown as Answer;
  }
}

/**
 * Runs a stream's command. Its events run in the caller's async context: Node would otherwise use the context in which the
 * connection was opened. Resolves when the connection is idle again or gone.
 */
function runStream(physical: MysqlConnection, { command }: MysqlStream, quietly: Outside): Promise<void> {
  const { driver } = physical;
  const callForCaller = callersContext();
  const emit = command.emit.bind(command);
  command.emit = (...args: Parameters<EventEmitter['emit']>) => callForCaller(emit, command, ...args);
  return new Promise((resolve) => {
    // `mysql2` tells the connection, and not a command without a callback, that the connection is lost.
    const lost = (error: Error): void => {
      ended();
      command.emit('error', error);
      command.emit('end');
    };
    const ended = (): void => {
      driver.removeListener('error', lost);
      command.removeListener('end', ended);
      physical.onAnswer?.();
      resolve();
    };
    driver.on('error', lost);
    command.on('end', ended);
    command.once('result', (result: unknown) => {
      if (isOkPacket(result)) physical.noteStatus(result.serverStatus);
    });
    quietly(() => driver.query(command as unknown as string));
  });
}
