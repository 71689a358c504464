import type { NestExpressApplication } from '@nestjs/platform-express';
import { OptionsFromEnv, replicaOptionsFromEnv } from 'nestjs-replica';
import type { DatabaseCluster, DatabaseNode } from 'nestjs-replica/testing';
import request from 'supertest';
import { createApp } from '../../../../apps/shop/src/create-app.js';
import { prepareDatabase } from '../../../../apps/shop/src/database/prepare-database.js';
import { forDatabase, STARTS } from '../../../support/cluster/test-database.js';
import { until } from '../../../support/until.js';

/** A browser of its own: it keeps the cookies that it gets. */
export type Visitor = ReturnType<typeof request.agent>;

/** The shop of this file, and how many specs use it: on MariaDB, several of them run as one file. */
let opened: Promise<Shop> | undefined;
let users = 0;

/** The shop as `main.ts` starts it, over HTTP on a port of its own, with a cluster of its own. */
export class Shop {
  private constructor(
    readonly cluster: DatabaseCluster,
    readonly nodes: OptionsFromEnv,
    readonly app: NestExpressApplication,
    readonly url: string,
  ) {}

  static open(): Promise<Shop> {
    users++;
    return (opened ??= Shop.#start());
  }

  static async #start(): Promise<Shop> {
    const cluster = await forDatabase(STARTS)({ replicas: 2 });
    try {
      const nodes = replicaOptionsFromEnv({
        DATABASE_URL: cluster.primary.url,
        DATABASE_READ_REPLICA_URL: cluster.replicas.map(({ url }) => url).join(','),
      });
      await prepareDatabase(nodes, () => {});
      await cluster.waitForCatchUp();
      const app = await createApp(nodes);
      await app.listen(0, '127.0.0.1');
      const shop = new Shop(cluster, nodes, app, await app.getUrl());
      await shop.#waitForReplicas();
      return shop;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  /** Both replicas, which `open()` has started. */
  get replicas(): readonly DatabaseNode[] {
    return this.cluster.replicas;
  }

  /** Somebody without a cookie. */
  newVisitor(): Visitor {
    return request.agent(this.url);
  }

  /** Somebody who has been here before. */
  async knownVisitor(): Promise<Visitor> {
    const visitor = this.newVisitor();
    await visitor.get('/status').expect(200);
    return visitor;
  }

  /** Ends it when nobody uses it any more. */
  async close(): Promise<void> {
    if (--users > 0) return;
    opened = undefined;
    await this.app.close();
    await this.cluster.stop();
  }

  /** Until the first probes have answered, all is read from the primary. */
  async #waitForReplicas(): Promise<void> {
    await until(async () => {
      const { body } = await this.newVisitor().get('/status');
      return body.replicas.every(({ health, lagMs }: any) => health === 'up' && lagMs === 0);
    }, 'both replicas may serve');
  }
}
