import type { TokenSession } from '../context/token-session.js';
import { ReplicaBehindError } from '../errors/replica-behind.error.js';
import { preferredBy } from '../routing/rendezvous.js';
import { hasReplayed, mayServe } from '../routing/eligible-replicas.js';
import { checkedKey } from '../session/session-key.js';
import { SessionTable } from '../session/session-table.js';
import { laterPosition } from '../session/position.js';
import type { Engine } from './engine.js';
import { topologyStatusOf } from '../observability/node-status.js';
import { checkTokenOptions, intentOf, type TokenOptions } from './read-options.js';

/** Tokens that jobs and messages carry from one request to another, possibly in another process. */
export class JobTokens {
  readonly #engine: Engine;
  /** What the sessions behind tokens have saved in this process. */
  readonly #memory = new SessionTable();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /**
   * A token for everything that the request around the caller has written and been shown. Outside a request the token
   * covers everything committed so far.
   */
  async current(): Promise<string> {
    const { contexts, cluster, tokens, options, hasReplicas } = this.#engine;
    const scope = contexts.current();
    const request = scope?.request ?? this.#engine.createRequest();
    const { primary, replicas } = cluster.monitor.topology;
    const sawPrimary = scope === undefined || request.nodes.includes(primary.name);
    await Promise.all([request.session?.loaded(), request.learn(sawPrimary && hasReplicas)]);
    const now = request.clock.latestMs();
    const { ttlMs } = options.session;
    const view = request.session?.view(now);
    const isUnknown = view !== undefined && view.status !== 'loaded';
    const news = request.ledger.toSave();
    const kept = scope === undefined ? undefined : request.view(scope.intent).kept?.name;
    // A position of the primary as of now is past everything that any replica has shown.
    const isCovered = sawPrimary && !request.ledger.isUncovered;
    const isReplica = replicas.some(({ name }) => name === kept);
    return tokens.encode({
      id: tokens.newId(),
      state: {
        position: laterPosition(view?.position, news.position),
        // Not prolonged: a job that keeps planning itself by tokens would stay on the primary for good.
        primaryUntilMs: Math.max(
          news.primaryUntilMs ?? 0,
          view?.primaryUntilMs ?? 0,
          isUnknown ? now + ttlMs : 0,
        ),
        unconfirmedUntilMs: Math.max(news.unconfirmedUntilMs ?? 0, view?.unconfirmedUntilMs ?? 0),
        servedBy: isCovered ? undefined : isReplica ? kept : view?.servedBy,
        servedAtMs: now,
      },
      expiresAtMs: now + ttlMs,
    });
  }

  /**
   * Calls `fn` in a context of its own whose reads include everything the token covers. The request around the caller
   * also sees what `fn` writes. Rejects with an `InvalidReplicaOptionsError` for wrong options, and with a
   * `ReplicaBehindError` if `fn` must not begin.
   */
  async run<T>(token: string | undefined, fn: () => T | Promise<T>, given: TokenOptions): Promise<T> {
    const { contexts, options, state } = this.#engine;
    checkTokenOptions(given, 'runWithToken()');
    this.#engine.checkNames(given, 'runWithToken()');
    const { request: outer, durability } = contexts.surrounding() ?? {};
    const request = this.#engine.createRequest();
    const session = this.#engine.sessionOf(checkedKey('the token', token), this.#memory);
    request.attach(session);
    try {
      if (state.isEnabled) await this.#catchUp(token, given);
      await this.#settleDown(session);
      const intent = intentOf('replica', given, options);
      return await contexts.runToStart({ request, intent, durability }, fn);
    } finally {
      await request.settle();
      request.end();
      if (outer !== undefined) outer.includeWritesOf(request);
    }
  }

  /**
   * Waits until some replica has everything the token covers, and resolves to `true`. Resolves to `false` if that
   * takes longer than `timeoutMs` milliseconds, or if only the primary can tell.
   */
  async waitFor(token: string, timeoutMs: number): Promise<boolean> {
    const { clock, tokens, hasReplicas } = this.#engine;
    const nowMs = clock.earliestMs();
    const content = tokens.decode(token, nowMs);
    if (content === undefined) return true;
    const { position, primaryUntilMs = 0, unconfirmedUntilMs = 0 } = content.state;
    if (Math.max(primaryUntilMs, unconfirmedUntilMs) > nowMs || !hasReplicas) return false;
    return position === undefined || this.#engine.cluster.monitor.waitForReplica(position, timeoutMs);
  }

  /** Waits for a replica before the work begins, as `onLag` says. */
  async #catchUp(token: string | undefined, { onLag = 'primary', timeoutMs }: TokenOptions): Promise<void> {
    const { options, hasReplicas } = this.#engine;
    if (onLag === 'primary' || token === undefined || !hasReplicas) return;
    const waitedMs = timeoutMs ?? options.catchUpTimeoutMs;
    if (await this.waitFor(token, waitedMs)) return;
    if (onLag === 'retry')
      throw new ReplicaBehindError(
        waitedMs,
        topologyStatusOf(this.#engine.cluster.monitor.topology, this.#engine.database).replicas,
      );
  }

  /** A session that no replica has shown anything may begin at any replica that has its position, not only at its home. */
  async #settleDown(session: TokenSession): Promise<void> {
    const { clock } = this.#engine;
    const { position, servedBy, keyHash } = session.view(clock.earliestMs());
    if (position === undefined || servedBy !== undefined) return;
    const replayed = this.#engine.cluster.monitor.topology.replicas.filter(
      (node) => mayServe(node) && node.weight > 0 && hasReplayed(node, position),
    );
    if (replayed.length === 0) return;
    await session.save({ servedBy: preferredBy(keyHash, replayed).name, servedAtMs: clock.latestMs() });
  }
}
