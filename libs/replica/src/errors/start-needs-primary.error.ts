import { messageOf } from './describe-error.js';

/** The primary is down at the start, and what has to be done then cannot do without it, whatever `startWithoutPrimary` says. */
export class StartNeedsPrimaryError extends Error {
  override readonly name = 'StartNeedsPrimaryError';
  readonly code = 'REPLICA_START_NEEDS_PRIMARY';

  constructor(
    /** The primary's name. */
    readonly node: string,
    /** The options that need it: some of `migrationsRun`, `synchronize`, `dropSchema`. */
    readonly options: readonly string[],
    cause: unknown,
  ) {
    super(
      `${messageOf(cause)}. The application could start without it (startWithoutPrimary), but ${options.join(' and ')} ` +
        `cannot do without. Start the primary, or change the schema apart from the application's start.`,
      { cause },
    );
  }
}
