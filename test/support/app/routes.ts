import { beforeAll, beforeEach, expect } from '@jest/globals';
import type { DataSourceRouter } from 'nestjs-replica';
import type { TestApp } from './test-app.js';

/** Which nodes answered a router's statements, and why, as `node reason`, since the last `take()`. */
export class Routes {
  readonly #seen: string[] = [];

  constructor(router?: DataSourceRouter) {
    if (router !== undefined) this.listenTo(router);
  }

  listenTo(router: DataSourceRouter): void {
    router.on('statement', ({ node, reason }) => void this.#seen.push(`${node} ${reason}`));
  }

  /** Gives them, replicas without their number, and forgets them. */
  take(): string[] {
    return this.#seen.splice(0).map((route) => route.replace(/^replica-\d+/, 'replica'));
  }
}

/** The routes of the application's statements, of each test its own. */
export function useRoutes(app: TestApp): Routes {
  const routes = new Routes();
  beforeAll(() => routes.listenTo(app.router));
  beforeEach(() => void routes.take());
  return routes;
}

export const ON_REPLICA = 'replica session-free';

/** Any replica of a cluster. */
export const REPLICA = expect.stringMatching(/^replica-\d+$/);
