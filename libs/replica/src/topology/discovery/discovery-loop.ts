import { kindOfFailure, SafeMessageError } from '../../errors/safe-message.error.js';
import { inTime } from '../in-time.js';

/** What one search found. */
export interface DiscoveryResult<Node> {
  /** The replicas. An empty list counts as a failure: the known replicas stay. */
  readonly replicas: readonly Node[];
  /** How long the answer holds; milliseconds. */
  readonly validForMs: number;
}

/** Finds replicas while the application runs. */
export interface Discovery<Node> {
  /** Rejects if it cannot tell. The known replicas stay, and it is asked again soon. */
  find(): Promise<DiscoveryResult<Node>>;
  /** What is wrong with its own options. Reported at boot together with all other mistakes. */
  readonly problems?: readonly string[];
}

/** How often and how patiently a discovery is asked; milliseconds. */
interface DiscoverySettings {
  /** A discovery that takes longer has failed. */
  readonly timeoutMs: number;
  /** The pause after a failure. It doubles with each further failure. */
  readonly retryMs: number;
  /** The longest pause between failures. */
  readonly maxRetryMs: number;
}

interface DiscoveryLoopOptions<Node> {
  readonly discovery: Discovery<Node>;
  readonly settings: DiscoverySettings;
  /** Puts the found replicas in place. A rejection counts as a failure of the discovery. */
  readonly apply: (replicas: readonly Node[]) => Promise<void>;
  /** Called at each failure; `isNews`: it is not the same problem as the last time. */
  readonly onFailure: (problem: string, isNews: boolean) => void;
  /** Called when the discovery answers again after a failure. */
  readonly onRecovery: () => void;
  /** From 0 to 1, 1 excluded; spreads the questions of many processes. */
  readonly random: () => number;
}

/** The shortest pause, whatever the answer says; milliseconds. */
const MIN_PAUSE_MS = 10;

/** The longest pause. Timers cannot count beyond 24 days. */
const MAX_PAUSE_MS = 86_400_000;

/** Asks a discovery, puts its answer in place, waits until the answer expires, and asks again. A failure changes nothing. */
export class DiscoveryLoop<Node> {
  readonly #options: DiscoveryLoopOptions<Node>;
  #failures = 0;
  #problem: string | undefined;
  #isStopped = false;
  #timer: NodeJS.Timeout | undefined;
  #endWait: (() => void) | undefined;

  constructor(options: DiscoveryLoopOptions<Node>) {
    this.#options = options;
  }

  /** Starts the loop. Resolves when the first question was answered or has failed. Never rejects. */
  async start(): Promise<void> {
    const pauseMs = await this.#lookOnce();
    if (this.#isStopped) return;
    this.#timer = setTimeout(
      () => void this.start(),
      Math.min(Math.max(pauseMs, MIN_PAUSE_MS), MAX_PAUSE_MS),
    );
    this.#timer.unref();
  }

  /** Ends the loop. An answer that is under way is no longer put in place. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    this.#endWait?.();
  }

  async #lookOnce(): Promise<number> {
    const { apply, random } = this.#options;
    try {
      const { replicas, validForMs } = check(await this.#find());
      if (this.#isStopped) return 0;
      await apply(replicas);
      this.#succeeded();
      return validForMs * (1 + 0.1 * random());
    } catch (error) {
      return this.#isStopped ? 0 : this.#failed(error);
    }
  }

  async #find(): Promise<DiscoveryResult<Node>> {
    const { discovery, settings } = this.#options;
    const { timeoutMs } = settings;
    const found = discovery.find();
    const stopped = new Promise<never>((_, reject) => {
      this.#endWait = () => reject(new SafeMessageError('stopped'));
    });
    return inTime(Promise.race([found, stopped]), timeoutMs, () => {
      throw new SafeMessageError(`no answer within ${timeoutMs} ms`);
    });
  }

  #succeeded(): void {
    const hadFailed = this.#failures > 0;
    this.#failures = 0;
    this.#problem = undefined;
    if (hadFailed) this.#options.onRecovery();
  }

  #failed(error: unknown): number {
    const { settings, onFailure, random } = this.#options;
    const problem = kindOfFailure(error);
    const isNews = problem !== this.#problem;
    this.#problem = problem;
    const pauseMs = Math.min(settings.retryMs * 2 ** this.#failures, settings.maxRetryMs);
    this.#failures++;
    onFailure(problem, isNews);
    return pauseMs * (0.9 + 0.2 * random());
  }
}

/** Checks an answer, because a user's own function may have made it. */
function check<Node>(found: DiscoveryResult<Node>): DiscoveryResult<Node> {
  const { replicas, validForMs } = (found ?? {}) as Partial<DiscoveryResult<Node>>;
  if (!Array.isArray(replicas)) throw new SafeMessageError('it gave no list of replicas');
  if (typeof validForMs !== 'number' || !(validForMs >= 0))
    throw new SafeMessageError(
      `validForMs must be a number of at least 0, not ${typeof validForMs === 'number' ? validForMs : `a value of type ${typeof validForMs}`}`,
    );
  if (replicas.length === 0) throw new SafeMessageError('it found no replica');
  return { replicas: replicas as readonly Node[], validForMs };
}
