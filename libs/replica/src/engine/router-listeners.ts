import type { RecentEvents } from '../observability/recent-events.js';
import type { RouterEvents } from '../observability/router-events.js';
import { Listeners } from '../topology/listeners.js';

/** The listeners of a router. Keeps what was emitted, whether anybody listens or not; {@link StatementReports} keeps statements. */
export class RouterListeners extends Listeners<RouterEvents> {
  readonly #recent: RecentEvents;

  constructor(recent: RecentEvents, onFailure: (event: keyof RouterEvents, error: unknown) => void) {
    super(onFailure);
    this.#recent = recent;
  }

  override emit<E extends keyof RouterEvents>(event: E, ...args: RouterEvents[E]): void {
    if (event !== 'statement') this.#recent.add(event, args[0]);
    super.emit(event, ...args);
  }
}
