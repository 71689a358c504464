import type { INestApplication } from '@nestjs/common';
import { getRepositoryToken } from '@nestjs/typeorm';
import { getDataSourceRouterToken, type DataSourceRouter } from 'nestjs-replica';
import request from 'supertest';
import { DataSource, type Repository } from 'typeorm';
import { Account } from '../ledger/accounts.js';
import { until } from '../until.js';

/** A running application over real HTTP. */
export class TestApp {
  #nest: INestApplication | undefined;
  #close: () => Promise<void> = async () => undefined;
  #closed: Promise<void> | undefined;

  /** @param nest listens already. Without one, the application is named before it is started: see `useApp()`. */
  constructor(nest?: INestApplication) {
    if (nest === undefined) return;
    this.#nest = nest;
    this.#close = () => nest.close();
  }

  /** From now on this is the application that `started` is. */
  become(started: TestApp): void {
    this.#nest = started.nest;
    this.#close = () => started.close();
  }

  get nest(): INestApplication {
    if (this.#nest === undefined) throw new Error('the application starts in beforeAll()');
    return this.#nest;
  }

  get router(): DataSourceRouter {
    return this.nest.get<DataSourceRouter>(getDataSourceRouterToken());
  }

  get dataSource(): DataSource {
    return this.nest.get(DataSource);
  }

  get accounts(): Repository<Account> {
    return this.nest.get(getRepositoryToken(Account));
  }

  /** Requests that `call()` cannot make: with bodies, cookies, other headers. */
  get http(): ReturnType<typeof request> {
    return request(this.nest.getHttpServer());
  }

  /** A request, of a session where one is named. */
  async call(method: 'get' | 'post' | 'patch' | 'delete', path: string, session?: string): Promise<Answer> {
    const call = this.http[method](path);
    if (session !== undefined) call.set('x-session', session);
    return answerOf(await call);
  }

  get(path: string, session?: string): Promise<Answer> {
    return this.call('get', path, session);
  }

  post(path: string, session?: string): Promise<Answer> {
    return this.call('post', path, session);
  }

  /** Repeats a GET until it is answered by a node that passes; fails after 60 s. */
  async getUntil(
    path: string,
    session: string | undefined,
    passes: (answer: Answer) => boolean,
  ): Promise<Answer> {
    let answer: Answer | undefined;
    await until(async () => {
      answer = await this.get(path, session);
      return passes(answer);
    }, `the answer to ${path}`);
    return answer as Answer;
  }

  /** Resolves when all nodes serve, and every replica is known to show all that was written before. */
  async allUp(): Promise<void> {
    await until(() => isReady(this.router), 'replicas without lag');
  }

  /** Calls after the first one do nothing more. */
  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }
}

/** What an answer said, and who gave it. */
export interface Answer {
  readonly status: number;
  // eslint-disable-next-line -- bodies are what each test expects
  readonly body: any;
  readonly nodes: string[];
  readonly reasons: string[];
}

export function answerOf({ status, body, headers }: request.Response): Answer {
  return {
    status,
    body,
    nodes: splitHeader(headers['x-replica-node']),
    reasons: splitHeader(headers['x-replica-reason']),
  };
}

export function isReady(router: Pick<DataSourceRouter, 'topology'>): boolean {
  const { primary, replicas } = router.topology();
  return (
    replicas.length === 0 ||
    (primary.health === 'up' && replicas.every(({ health, lagMs }) => health === 'up' && lagMs === 0))
  );
}

function splitHeader(value: string | undefined): string[] {
  return value === undefined ? [] : value.split(',');
}
