import type { ExecutionContext } from '@nestjs/common';
import { MemorySessionStore, ReplicaDataSource } from 'nestjs-replica';
import { SessionOpener } from '../../libs/replica/src/nest/session-opener.js';
import { BUILT_IN_CATALOG } from '../../libs/replica/src/postgres/statements/catalog.js';
import { StatementClassifier } from '../../libs/replica/src/postgres/statements/statement-classifier.js';
import { intent } from '../support/routing/route-queries.js';
import { TYPEORM_READS } from '../support/statements/reads.js';
import { answerParent } from './support/child.js';
import { bytesPerThing } from './support/heap.js';
import { rounded } from './support/report.js';
import { benchSessionKey } from './support/requests.js';
import { engineOf } from './support/engine-of.js';

/** Bytes that one of each takes while it exists. */
export interface Sizes {
  /** A context with its session, while the handler runs. */
  readonly bytesPerRequestContext: number;
  /** A cached statement with its text. */
  readonly bytesPerCachedStatement: number;
  readonly charactersPerCachedStatement: number;
  /** A session in `MemorySessionStore`, with a key of 36 letters. */
  readonly bytesPerSession: number;
  readonly sessions: number;
  readonly sessionsMegabytes: number;
}

const CONTEXTS = 20_000;
/** As many statements as the classifier keeps. */
const STATEMENTS = 1_000;
const SESSIONS = 1_000_000;

function requestContexts(): Promise<number> {
  const { router } = new ReplicaDataSource({
    type: 'postgres',
    primary: { url: 'postgres://nobody@127.0.0.1/none' },
    replicas: [{ url: 'postgres://nobody@127.0.0.2/none' }],
    session: { key: benchSessionKey },
  });
  const engine = engineOf(router);
  const opener = new SessionOpener(engine, '');
  const asked = intent();
  return bytesPerThing(CONTEXTS, (index) => {
    const request = engine.createRequest();
    const context = { key: `session-${index}`, getType: () => 'http' } as unknown as ExecutionContext;
    opener.attach(request, () => context);
    opener.conclude(request, context);
    return { request, intent: asked };
  });
}

async function cachedStatements(): Promise<{ bytes: number; characters: number }> {
  const classifier = new StatementClassifier();
  classifier.useCatalog({ ...BUILT_IN_CATALOG, revision: 'bench' });
  let characters = 0;
  const bytes = await bytesPerThing(STATEMENTS, (index) => {
    const template = TYPEORM_READS[index % 17] as string;
    const text = Buffer.from(template.replace('SELECT ', `SELECT ${index} AS "n", `)).toString('latin1');
    characters += text.length;
    if (classifier.classify(text).kind !== 'read') throw new Error(`not taken for a read: ${text}`);
    return undefined;
  });
  return { bytes, characters: characters / STATEMENTS };
}

async function sessions(): Promise<number> {
  const store = new MemorySessionStore({ maxSessions: SESSIONS });
  const bytes = await bytesPerThing(SESSIONS, (index) => {
    // Like a key from a header: a string of its own, not made of others.
    const key = Buffer.from(`${String(index).padStart(12, '0')}-9b1deb4d-3b7d-4bad-9bdd`).toString('latin1');
    // Like a request that has written saves it.
    const state = {
      position: 0x1_0000_0000n + BigInt(index),
      primaryUntilMs: 0,
      unconfirmedUntilMs: 0,
      servedBy: undefined,
      servedAtMs: undefined,
    };
    store.save(key, state, 3_600_000);
    return undefined;
  });
  if (store.size !== SESSIONS) throw new Error(`the store keeps ${store.size} of ${SESSIONS} sessions`);
  return bytes;
}

answerParent(async (): Promise<Sizes> => {
  const bytesPerRequestContext = await requestContexts();
  const statement = await cachedStatements();
  const bytesPerSession = await sessions();
  return {
    bytesPerRequestContext: Math.round(bytesPerRequestContext),
    bytesPerCachedStatement: Math.round(statement.bytes),
    charactersPerCachedStatement: Math.round(statement.characters),
    bytesPerSession: Math.round(bytesPerSession),
    sessions: SESSIONS,
    sessionsMegabytes: rounded((bytesPerSession * SESSIONS) / 1e6, 1),
  };
});
