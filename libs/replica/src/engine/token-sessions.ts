import { TokenSession } from '../context/token-session.js';
import type { Scope } from '../context/context-storage.js';
import type { RequestContext } from '../context/request-context.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import { preferredBy } from '../routing/rendezvous.js';
import { checkedKey } from '../session/session-key.js';
import type { SessionClock } from '../session/session-clock.js';
import { SessionTable } from '../session/session-table.js';
import { laterPosition, type Position } from '../session/position.js';
import type { TokenCodec } from '../session/token-codec.js';
import type { NodeSnapshot } from '../topology/topology.js';
import { topologyStatusOf } from './node-status.js';
import { ReplicaBehindError } from '../errors/replica-behind.error.js';
import type { ReplicaRuntime } from './replica-runtime.js';
import type { TokenOptions } from './token-options.js';

/** What {@link TokenSessions} work with. */
export interface TokenSessionsOptions {
  readonly codec: TokenCodec;
  readonly clock: SessionClock;
  readonly options: Pick<ResolvedOptions<never>, 'session' | 'catchUpTimeoutMs'>;
  readonly hasReplicas: () => boolean;
  readonly runtime: () => ReplicaRuntime;
  /** A token came that is none of ours. */
  readonly onForeignToken: () => void;
}

/** The sessions of jobs and messages that carry a token from one request into another. */
export class TokenSessions {
  readonly #options: TokenSessionsOptions;
  readonly #memory = new SessionTable();

  constructor(options: TokenSessionsOptions) {
    this.#options = options;
  }

  /**
   * A token for all that `request` has written and been shown. `scope`: what surrounds the caller, if it is that
   * request; outside any the token covers everything committed by now.
   */
  async write(request: RequestContext, scope: Scope | undefined): Promise<string> {
    const { codec, options, hasReplicas, runtime } = this.#options;
    const { primary, replicas } = runtime().monitor.topology;
    const sawPrimary = scope === undefined || request.nodes.includes(primary.name);
    await Promise.all([request.session?.loaded(), request.learn(sawPrimary && hasReplicas())]);
    const now = request.clock.latestMs();
    const { ttlMs } = options.session;
    const view = request.session?.view(now);
    const isUnknown = view !== undefined && view.status !== 'loaded';
    const news = request.news();
    const kept = scope === undefined ? undefined : request.view(scope.intent).kept?.name;
    // A position of the primary as of now is past all that any replica has shown.
    const isCovered = sawPrimary && !request.writes.unknown;
    const isReplica = replicas.some(({ name }) => name === kept);
    return codec.encode({
      id: codec.newId(),
      state: {
        position: laterPosition(view?.position, news.position),
        // As they are: else a job that plans itself by tokens would stay on the primary for good.
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
   * The session of whoever carries the token; a new one where it is none of ours. Throws an `InvalidSessionKeyError` for what is no
   * text at all, such as a promise that was not awaited.
   */
  read(given: string | undefined): TokenSession {
    const { codec, options, clock, onForeignToken } = this.#options;
    const { ttlMs } = options.session;
    const token = checkedKey('the token', given) ?? undefined;
    return new TokenSession({ codec, ttlMs, clock, token, memory: this.#memory, onForeignToken });
  }

  /**
   * A session that was shown nothing by a replica may begin at any that has replayed its position: not only at the one
   * to which its key ties it.
   */
  async settleDown(session: TokenSession): Promise<void> {
    const { clock } = this.#options;
    const { position, servedBy, keyHash } = session.view(clock.earliestMs());
    if (position === undefined || servedBy !== undefined) return;
    const replayed = this.#replayed(position);
    if (replayed.length === 0) return;
    await session.save({ servedBy: preferredBy(keyHash, replayed).name, servedAtMs: clock.latestMs() });
  }

  /**
   * Before work that carries the token begins: waits for a replica as `onLag` says. Rejects with a `ReplicaBehindError` where the work
   * is not to begin.
   */
  async catchUp(token: string | undefined, { onLag = 'primary', timeoutMs }: TokenOptions): Promise<void> {
    const { hasReplicas, options, runtime } = this.#options;
    if (onLag === 'primary' || token === undefined || !hasReplicas()) return;
    const waitedMs = timeoutMs ?? options.catchUpTimeoutMs;
    if (await this.waitFor(token, waitedMs)) return;
    if (onLag === 'retry')
      throw new ReplicaBehindError(waitedMs, topologyStatusOf(runtime().monitor.topology).replicas);
  }

  /**
   * Waits until some replica shows all that the token covers: `true`, or `false` when that takes longer than
   * `timeoutMs`, or only the primary can tell.
   */
  async waitFor(token: string, timeoutMs: number): Promise<boolean> {
    const { codec, clock, hasReplicas, runtime } = this.#options;
    const nowMs = clock.earliestMs();
    const content = codec.decode(token, nowMs);
    if (content === undefined) return true;
    const { position, primaryUntilMs = 0, unconfirmedUntilMs = 0 } = content.state;
    if (Math.max(primaryUntilMs, unconfirmedUntilMs) > nowMs || !hasReplicas()) return false;
    return position === undefined || runtime().monitor.waitForReplica(position, timeoutMs);
  }

  #replayed(position: Position): readonly NodeSnapshot[] {
    const { replicas } = this.#options.runtime().monitor.topology;
    return replicas.filter(
      (node) =>
        node.health === 'up' &&
        node.isDraining !== true &&
        node.weight > 0 &&
        (node.position ?? 0n) >= position,
    );
  }
}
