import type { Answer, Connection, Piggyback, SentCall } from '../execution/database.js';
import type { Position } from '../session/position.js';
import type { ProbeResult } from '../topology/node-probe.js';
import { lastOkOf, type MysqlAnswer, type QueryArguments } from './answer.js';
import { physicalOf, type MysqlConnection } from './connection.js';
import type { Flavor } from './flavor.js';

/** The position of a write; `undefined`: its server is not known to be the primary. */
export type PositionOfWrite = (flavor: Flavor, gtid: string) => Position | undefined;

type Told = (failure: unknown, read: (() => ProbeResult) | undefined) => void;

/**
 * Takes the position of a write from the write's own answer, which costs nothing. Only an answer with rows (INSERT ... RETURNING)
 * does not carry it. Its end then says that something was written, and the session still knows the GTID.
 */
export class MysqlPiggyback implements Piggyback {
  readonly isExtraStatement = false;
  readonly #positionOf: PositionOfWrite;

  constructor(positionOf: PositionOfWrite) {
    this.#positionOf = positionOf;
  }

  start(): Promise<void> {
    return Promise.resolve();
  }

  canAsk(connection: Connection): boolean {
    return physicalOf(connection).tellsPositions;
  }

  run(connection: Connection, { args }: SentCall, told: Told): Promise<Answer> {
    const physical = physicalOf(connection);
    return new Promise((resolve, reject) => {
      physical.query(args as unknown as QueryArguments, (error, answer) => {
        if (answer === undefined) return reject(error);
        const gtid = gtidOf(answer);
        if (gtid !== undefined) this.#tell(physical, gtid, told);
        else if (physical.rowsMayHaveWritten && physical.transaction === 'idle')
          return this.#ask(physical, told, () => resolve(answer as unknown as Answer));
        resolve(answer as unknown as Answer);
      });
    });
  }

  isHarmless(): boolean {
    return true;
  }

  #tell(physical: MysqlConnection, gtid: string, told: Told): void {
    physical.lastGtid = gtid;
    told(undefined, () => ({
      isReadOnly: false,
      position: this.#positionOf(physical.flavor, gtid),
      epoch: undefined,
    }));
  }

  /** Asks the session for the GTID of its last write, and for nothing if that is an earlier one. */
  #ask(physical: MysqlConnection, told: Told, settle: () => void): void {
    const { lastGtidSql } = physical.flavor;
    if (lastGtidSql === undefined) return settle();
    physical.query([lastGtidSql], (error, answer) => {
      const [row] = (answer?.[0] ?? []) as readonly { readonly gtid: string }[];
      if (row !== undefined && row.gtid !== '' && row.gtid !== physical.lastGtid)
        this.#tell(physical, row.gtid, told);
      else if (answer === undefined) told(error, undefined);
      settle();
    });
  }
}

/** The GTID of the last write of the answer; `undefined`: it carries none. */
function gtidOf(answer: MysqlAnswer): string | undefined {
  const { stateChanges } = lastOkOf(answer) ?? {};
  if (stateChanges === undefined) return undefined;
  return stateChanges.systemVariables['last_gtid'] || stateChanges.gtids.at(-1);
}
