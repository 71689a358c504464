/** Where the shop's own statements go, told by the recorder that applications use in their tests, too. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { recordRoutes, routeMatchers, type RouteMatchers, type RouteRecording } from 'nestjs-replica/testing';
import { pauseReplay, resumeReplay } from '../../support/cluster/use-cluster.js';
import { Shop, type Visitor } from './support/shop.js';

declare module 'expect' {
  interface Matchers<R> extends RouteMatchers<R> {}
}

expect.extend(routeMatchers);

let shop: Shop;
let routes: RouteRecording;
let visitor: Visitor;

beforeAll(async () => {
  shop = await Shop.open();
  routes = recordRoutes(shop.app);
});
beforeEach(async () => {
  visitor = await shop.knownVisitor();
  routes.clear();
});
afterAll(async () => {
  routes.stop();
  await shop.close();
});

describe('the routes of the shop', () => {
  afterEach(async () => {
    await resumeReplay(shop.cluster);
    await shop.cluster.waitForCatchUp();
  });

  it('show products from replicas', async () => {
    await visitor.get('/products/70').expect(200);
    expect(routes).toStayOffPrimary();
    expect(routes).toHaveReadFrom('replica', { table: 'products' });
    expect(routes).not.toHaveWritten();
    expect(routes.transcript()).toBe('request 1\n  read of products: replica, session-free');
  });

  it('show a change from the primary until a replica has it', async () => {
    await pauseReplay(shop.cluster);
    await visitor.patch('/products/71').send({ price: 5 }).expect(200);
    expect(routes).toHaveWritten();
    routes.clear();
    await visitor.get('/products/71').expect(200);
    expect(routes).toHaveReadFrom('primary', { table: 'products' });
    expect(routes).toHaveReason('session-ahead');
    expect(routes).toStayOffPrimary({ except: ['session-ahead'] });
    expect(routes).not.toStayOffPrimary();
  });

  it('report sales from replicas, whatever the visitor has just done', async () => {
    await visitor.patch('/products/72').send({ price: 6 }).expect(200);
    routes.clear();
    await visitor.get('/reports/sales').expect(200);
    expect(routes).toStayOffPrimary();
  });
});
