import type { SourceOptions } from './source.js';

/** What each command that asks servers can be told. */
export interface CommonOptions extends SourceOptions {
  readonly json?: boolean;
  /** The longest time to connect, and for each answer; milliseconds. */
  readonly timeout: number;
}
