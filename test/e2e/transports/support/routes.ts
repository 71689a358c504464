import type { DataSourceRouter } from 'nestjs-replica';

/** Which nodes answered a router's statements, and why, as `node reason`, since the last `take()`. */
export class Routes {
  readonly #seen: string[] = [];

  constructor(router: DataSourceRouter) {
    router.on('statement', ({ node, reason }) => void this.#seen.push(`${node} ${reason}`));
  }

  /** Gives them, replicas without their number, and forgets them. */
  take(): string[] {
    return this.#seen.splice(0).map((route) => route.replace(/^replica-\d+/, 'replica'));
  }
}

export const ON_REPLICA = 'replica session-free';
