import type { DashboardState, DataSourceState, HistoryPoint } from '../../src/dashboard/dashboard-state.js';

/** How far back the charts reach. */
export const SPAN_MS = 15 * 60_000;
/** After this long without an event the page asks by itself: a proxy may hold events back. */
const SILENCE_MS = 4_000;
const POLL_MS = 2_000;

export type Link = 'connecting' | 'live' | 'lost';

interface Listener {
  readonly onState: (state: DashboardState) => void;
  readonly onLink: (link: Link) => void;
}

/** Keeps the page's state up to date: by events, or by asking while none come. */
export class Connection {
  readonly #listener: Listener;
  #state: DashboardState | undefined;
  #events: EventSource | undefined;
  #timer: number | undefined;
  #heardAtMs = performance.now();

  constructor(listener: Listener) {
    this.#listener = listener;
  }

  start(): void {
    const events = new EventSource('events');
    this.#events = events;
    events.addEventListener('message', ({ data }: MessageEvent<string>) => this.#take(JSON.parse(data)));
    this.#timer = window.setInterval(() => {
      if (performance.now() - this.#heardAtMs > SILENCE_MS) void this.#ask();
    }, POLL_MS);
  }

  stop(): void {
    this.#events?.close();
    window.clearInterval(this.#timer);
  }

  async #ask(): Promise<void> {
    const sinceMs = this.#state === undefined ? 0 : newestPoint(this.#state);
    try {
      const response = await fetch(`state?since=${sinceMs}`, { headers: { accept: 'application/json' } });
      if (!response.ok) throw new Error(response.statusText);
      this.#take(await response.json());
    } catch {
      this.#listener.onLink('lost');
    }
  }

  #take(news: Partial<DashboardState>): void {
    // An interceptor of the application may have wrapped the event.
    if (news.dataSources === undefined || news.instance === undefined) return;
    this.#heardAtMs = performance.now();
    this.#state = merged(this.#state, news as DashboardState);
    this.#listener.onState(this.#state);
    this.#listener.onLink('live');
  }
}

function merged(old: DashboardState | undefined, news: DashboardState): DashboardState {
  // Another process has another history.
  if (old?.instance.pid !== news.instance.pid || old.instance.host !== news.instance.host) return news;
  const before = new Map(old.dataSources.map((source) => [source.name, source]));
  return {
    ...news,
    dataSources: news.dataSources.map((source) => ({
      ...source,
      history: joined(before.get(source.name), source),
    })),
  };
}

function joined(old: DataSourceState | undefined, { history }: DataSourceState): readonly HistoryPoint[] {
  const last = old?.history.at(-1)?.atMs ?? 0;
  const all = [...(old?.history ?? []), ...history.filter(({ atMs }) => atMs > last)];
  const start = (all.at(-1)?.atMs ?? 0) - SPAN_MS;
  return all.filter(({ atMs }) => atMs >= start);
}

function newestPoint({ dataSources }: DashboardState): number {
  return Math.min(...dataSources.map(({ history }) => history.at(-1)?.atMs ?? 0));
}

/** What to do, and where: a load balancer may lead to another process, which then refuses. */
export interface Action {
  readonly name: 'drain' | 'resume' | 'enable' | 'disable';
  readonly instance: string;
  readonly dataSource: string;
  readonly replica?: string;
}

/** Sends an action of the viewer to the instance that the page shows, and shows what went wrong. */
export type Perform = (action: Omit<Action, 'instance'>) => void;

/** Asks the application to do it. Rejects with what to tell the viewer. */
export async function act({ name, ...body }: Action): Promise<void> {
  const response = await fetch(`actions/${name}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-replica-dashboard': '1' },
    body: JSON.stringify(body),
  });
  if (response.ok) return;
  const { message } = (await response.json().catch(() => ({}))) as { message?: unknown };
  throw new Error(
    `The application refused (${response.status})${typeof message === 'string' ? `: ${message}` : ''}.`,
  );
}
