import type { PositionSource } from '../context/position-source.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import type { SessionClock } from '../session/session-clock.js';
import type { ReplicaRuntime } from './replica-runtime.js';

/** What a position source is made of. */
export interface PositionSourceParts {
  readonly clock: SessionClock;
  readonly options: Pick<ResolvedOptions<never>, 'sticky' | 'session'>;
  /** Not there before the data source is initialized. */
  readonly runtime: () => ReplicaRuntime;
  readonly dataSource: { readonly isInitialized: boolean };
}

/** Where the requests of a data source get positions from. */
export function positionSourceOf({
  clock,
  options,
  runtime,
  dataSource,
}: PositionSourceParts): PositionSource {
  const { sticky, session } = options;
  return {
    clock,
    sticky,
    unknownForMs: sticky.mode === 'time' ? sticky.windowMs : session.ttlMs,
    capture: () => runtime().positions.capture(),
    hurry: () => {
      if (dataSource.isInitialized) runtime().positions.hurry();
    },
  };
}
