import { Logger } from '@nestjs/common';
import { DEFAULT_NAME } from './replica-tokens.js';

/** Nest's logger for what operators should know of a data source: whatever TypeORM logs, and wherever the application logs to. */
export function loggerOf(name: string): Logger {
  return new Logger(name === DEFAULT_NAME ? 'ReplicaModule' : `ReplicaModule:${name}`);
}
