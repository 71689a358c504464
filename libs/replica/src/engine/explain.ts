import type { Scope } from '../context/context-storage.js';
import { SessionHandle } from '../context/session-handle.js';
import type { ExplainedRoute } from '../execution/attempts/route-finder.js';
import { isSafeMethod } from '../routing/safe-method.js';
import { InvalidReplicaOptionsError } from '../errors/invalid-options.error.js';
import type { StatementKind } from '../routing/route-query.js';
import { checkedKey } from '../session/session-key.js';
import { SessionTable } from '../session/session-table.js';
import type { Engine } from './engine.js';
import { checkExplainOptions, intentOf, type ExplainOptions } from './read-options.js';

/** Where a statement would go, and why. It can be turned into JSON, and holds no literal of the text. */
export interface Explanation extends ExplainedRoute {
  /** What the text may do. Only a `read` may leave the primary. */
  readonly kind: StatementKind;
  /** Why it is not a read, for people; `null`: it is one. */
  readonly because: string | null;
  /** The tables, views and other relations that a read names; `null`: it is no read, or nobody knows. */
  readonly tables: readonly string[] | null;
  /** What these rest on: what views and policies read, parents and children. A rule for one of those holds, too. */
  readonly restsOn: readonly string[];
}

/** Explains where a text would go now. Throws an `InvalidReplicaOptionsError` for wrong options. */
export async function explain(engine: Engine, text: string, options: ExplainOptions): Promise<Explanation> {
  if (typeof text !== 'string') throw new TypeError(`explain() needs the SQL as a text, not ${typeof text}`);
  checkExplainOptions(options, engine.options.session.token !== undefined);
  engine.checkNames(options, 'explain()');
  const { router } = engine.cluster;
  const scope = scopeOf(engine, options);
  await scope?.request.session?.loaded();
  const statement = router.classify(text);
  const { kind, because = null, tables = null, restsOn = [] } = statement;
  return {
    kind,
    because,
    tables,
    restsOn: [...new Set(restsOn.flat())],
    ...router.finder.explain(statement, scope, text),
  };
}

/** The scope around the caller, if nothing is asked for; else one of a request that is never run. `undefined`: outside any request. */
function scopeOf(engine: Engine, options: ExplainOptions): Scope | undefined {
  const around = engine.contexts.ofStatement();
  if (around !== undefined && Object.keys(options).length === 0) return around;
  const { method = 'GET', session, token, ...read } = options;
  if (method === null) return undefined;
  const isSelected = [read.replica, read.tags, read.region].some((one) => one !== undefined);
  const { target = isSelected ? 'replica' : 'default' } = read;
  const request = engine.createRequest();
  const key = checkedKey('explain()', session);
  if (token !== undefined) assertToken(engine, token);
  if (token !== undefined && engine.hasReplicas) request.attach(engine.sessionOf(token, new SessionTable()));
  if (key !== undefined && key !== null && engine.hasReplicas)
    request.attach(new SessionHandle(engine.keyedSessions().handleOptions(() => key)));
  return { request, intent: intentOf(target, read, engine.options, isSafeMethod(method.toUpperCase())) };
}

/** A request with a token that nobody knows begins a session, which would explain something else. The error does not repeat the token. */
function assertToken({ tokens, clock }: Engine, token: string): void {
  if (tokens.decode(token, clock.earliestMs()) !== undefined) return;
  throw new InvalidReplicaOptionsError([
    'explain(): token is none of this data source: it is damaged, has expired, or was signed with another secret',
  ]);
}
