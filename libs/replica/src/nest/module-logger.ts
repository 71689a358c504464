import { Logger } from '@nestjs/common';
import { DEFAULT_NAME } from './replica-tokens.js';

/** Nest's logger for lines to operators of a data source. */
export function loggerOf(name: string): Logger {
  return new Logger(name === DEFAULT_NAME ? 'ReplicaModule' : `ReplicaModule:${name}`);
}
