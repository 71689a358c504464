import type { DataSourceRouter, NodeStatus } from 'nestjs-replica';
import { eventually, nowMs, within } from './clock.js';
import { CheckedLoad, type CallRecord, type LoadShape } from './checked-load.js';
import { startVersionsApp, type VersionsApp, type VersionsAppOptions } from './versions-app.js';
import { VersionsClient } from './versions-client.js';
import type { AppUnderFault, LoadReport, Notice, ReportInstants } from './app-under-fault.js';
import { summarize } from './summarize.js';

/** What a {@link LoadedApp} is made of. */
export interface LoadedAppOptions {
  readonly app: VersionsAppOptions;
  readonly load: LoadShape;
  /** Who has no answer by then counts as failed; milliseconds. */
  readonly deadlineMs: number;
  /** Whether all nodes are up does not matter. */
  readonly isStartOnly?: boolean;
}

/** An application of this process, its clients, and somebody who looks at what its monitor knows. */
export class LoadedApp implements AppUnderFault {
  readonly #app: VersionsApp;
  readonly #client: VersionsClient;
  readonly #load: CheckedLoad;
  readonly #maxLagMs: number;
  readonly #reasons: Record<string, number> = {};
  readonly #nodeErrors: Record<string, number> = {};
  readonly #readFailures: Record<string, number> = {};
  readonly #before: Footprint;
  #warnings = 0;
  #isOccupied = false;
  #reports: Promise<void>[] = [];
  readonly #onWarning = ({ name }: Error): void => {
    if (name === 'MaxListenersExceededWarning') this.#warnings++;
  };

  static async start(options: LoadedAppOptions): Promise<LoadedApp> {
    const before = footprint();
    const app = await startVersionsApp(options.app);
    const loaded = new LoadedApp(app, options, before);
    if (options.isStartOnly === true) return loaded;
    if (app.router !== undefined && !(await eventually(() => allKnown(app.router) || undefined, 10_000)))
      throw new Error(`not all nodes are up: ${JSON.stringify(app.router.topology())}`);
    return loaded;
  }

  private constructor(
    app: VersionsApp,
    { app: { routing }, load, deadlineMs }: LoadedAppOptions,
    before: Footprint,
  ) {
    this.#app = app;
    this.#before = before;
    this.#client = new VersionsClient(app.port, deadlineMs);
    this.#load = new CheckedLoad(this.#client, load, 'session');
    this.#maxLagMs = routing?.maxLagMs ?? 10_000;
    process.on('warning', this.#onWarning);
    app.router?.on('statement', ({ kind, reason, errorCode, isFinal }) => {
      if (errorCode !== undefined) countIn(this.#nodeErrors, errorCode);
      else if (kind === 'read') countIn(this.#reasons, reason);
      if (errorCode !== undefined && kind === 'read' && isFinal)
        countIn(this.#readFailures, `${reason}: ${errorCode}`);
    });
  }

  /** `undefined` with TypeORM's own replication. */
  get router(): DataSourceRouter | undefined {
    return this.#app.router;
  }

  async startLoad(): Promise<void> {
    this.#load.start();
  }

  async occupy(callers: number, ms: number): Promise<void> {
    this.#isOccupied = true;
    this.#reports = Array.from({ length: callers }, (_, index) =>
      this.#askForReports(`reporter-${index}`, ms),
    );
  }

  async release(): Promise<void> {
    this.#isOccupied = false;
    await Promise.all(this.#reports);
  }

  async noticed(notice: Notice, nodes: readonly string[], timeoutMs: number): Promise<number | null> {
    const { router } = this.#app;
    if (router === undefined) return null;
    const isSeen = (): number | undefined => {
      const { primary, replicas } = router.topology();
      const all = [primary, ...replicas].filter(({ name }) => nodes.includes(name));
      return all.every((node) => this.#shows(node, notice)) ? nowMs() : undefined;
    };
    return (await eventually(isSeen, timeoutMs)) ?? null;
  }

  /** Sessions that have moved stay where they are: whether a node serves again, newcomers tell. */
  async served(nodes: readonly string[], timeoutMs: number): Promise<number | null> {
    const missing = new Set(nodes);
    const allServe = async (): Promise<number | undefined> => {
      const { node, endedMs } = await this.#load.visit();
      missing.delete(node ?? '');
      return missing.size === 0 ? endedMs : undefined;
    };
    return (await eventually(allServe, timeoutMs)) ?? null;
  }

  async wrote(sinceMs: number, timeoutMs: number): Promise<number | null> {
    const isIt = ({ kind, startedMs, code }: CallRecord): boolean =>
      kind === 'write' && startedMs >= sinceMs && code === undefined;
    return (await eventually(() => this.#load.calls.findLast(isIt)?.endedMs, timeoutMs)) ?? null;
  }

  async historyEnded(versions: readonly (readonly [number, number])[]): Promise<number> {
    return this.#load.forgetAbove(new Map(versions));
  }

  async stopLoad(): Promise<void> {
    this.#isOccupied = false;
    await this.#load.stop();
    this.#client.close();
  }

  async report(instants: ReportInstants): Promise<LoadReport> {
    const found = summarize(this.#load.calls, instants);
    return {
      ...found,
      reasons: this.#reasons,
      nodeErrors: this.#nodeErrors,
      readFailures: this.#readFailures,
    };
  }

  async close(): Promise<{ leakedListeners: number; leakedSockets: number }> {
    await within(10_000, this.#app.close());
    process.removeListener('warning', this.#onWarning);
    const after = await eventually(() => {
      const now = footprint();
      return now.sockets <= this.#before.sockets ? now : undefined;
    }, 2_000);
    const { listeners, sockets } = after ?? footprint();
    return {
      leakedListeners: Math.max(0, listeners - this.#before.listeners) + this.#warnings,
      leakedSockets: Math.max(0, sockets - this.#before.sockets),
    };
  }

  /** A report that fails is none of those who are watched. */
  async #askForReports(key: string, ms: number): Promise<void> {
    while (this.#isOccupied) await this.#client.report(key, 1, ms).catch(() => undefined);
  }

  #shows(node: NodeStatus, notice: Notice): boolean {
    return SIGNS[notice](node, this.#maxLagMs);
  }
}

const SIGNS: Readonly<Record<Notice, (node: NodeStatus, maxLagMs: number) => boolean>> = {
  down: ({ health }) => health === 'down',
  ineligible: ({ health, lagMs }, maxLagMs) => health !== 'up' || lagMs === null || lagMs > maxLagMs,
  fenced: ({ health, problem }) => health === 'down' && /timeline|term/.test(problem ?? ''),
};

function countIn(counts: Record<string, number>, key: string): void {
  counts[key] = (counts[key] ?? 0) + 1;
}

function allKnown(router: DataSourceRouter | undefined): boolean {
  if (router === undefined) return true;
  const { primary, replicas } = router.topology();
  return [primary, ...replicas].every(({ lagMs }) => lagMs !== null);
}

/** What of this process an application that has ended must not leave behind. */
interface Footprint {
  /** Of the process itself. */
  readonly listeners: number;
  readonly sockets: number;
}

function footprint(): Footprint {
  return {
    listeners: process.eventNames().reduce((sum, event) => sum + process.listenerCount(event), 0),
    sockets: process.getActiveResourcesInfo().filter((resource) => resource.startsWith('TCP')).length,
  };
}
