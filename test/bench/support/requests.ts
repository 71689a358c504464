import type { ExecutionContext } from '@nestjs/common';
import type { ReplicaDataSource, SessionKey } from 'nestjs-replica';
import type { Engine } from '../../../libs/replica/src/engine/engine.js';
import { SessionOpener } from '../../../libs/replica/src/nest/session-opener.js';
import type { Intent } from '../../../libs/replica/src/routing/route-query.js';
import { intentOf } from '../../../libs/replica/src/engine/read-options.js';
import { engineOf } from './engine-of.js';

/** The session's key of a request of {@link Requests}: for `session.key` of the data source. */
export const benchSessionKey: SessionKey = (context) => (context as { readonly key: string }).key;

/**
 * Requests without HTTP: the same context that middleware, guard and interceptor give to a handler (a session with a key, kept in
 * memory, consistency `session`), and their work at its end. Nest's own work for a request is left out, because all systems have it.
 */
export class Requests {
  readonly #engine: Engine;
  readonly #sessions: SessionOpener;
  readonly #intents: Readonly<Record<'GET' | 'POST', Intent>>;

  constructor({ router }: ReplicaDataSource) {
    const engine = engineOf(router);
    this.#engine = engine;
    this.#sessions = new SessionOpener(engine, '');
    this.#intents = {
      GET: intentOf('default', {}, engine.options, true),
      POST: intentOf('default', {}, engine.options, false),
    };
  }

  async run<T>(method: 'GET' | 'POST', key: string, handler: () => Promise<T>): Promise<T> {
    const request = this.#engine.createRequest();
    const context = { key, getType: () => 'http' } as unknown as ExecutionContext;
    const intent = this.#intents[method];
    this.#sessions.attach(request, () => context);
    this.#sessions.conclude(request, context);
    try {
      return await this.#engine.contexts.run({ request, intent }, handler);
    } finally {
      if (!request.trySettle()) await request.settle();
      request.end();
    }
  }
}
