import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { forDatabase } from '../../support/cluster/test-database.js';
import { Shop, Visitor } from './support/shop.js';

let shop: Shop;
let visitor: Visitor;

beforeAll(async () => {
  shop = await Shop.open();
  visitor = await shop.knownVisitor();
});

afterAll(() => shop.close());

describe('GET /reports/sales', () => {
  it('adds nothing up to nothing', async () => {
    const { body } = await visitor.get('/reports/sales').expect(200);
    expect(body).toEqual({ orders: 0, revenue: 0, bestSellers: [] });
  });

  it('adds up what was sold, from a replica that may be five seconds behind', async () => {
    await visitor.patch('/products/1').send({ price: 100_000_000, stock: 1000 });
    await visitor.patch('/products/2').send({ price: 5, stock: 1000 });
    const items = [
      { productId: 1, quantity: 400 },
      { productId: 2, quantity: 300 },
    ];
    await visitor.post('/orders').send({ items }).expect(201);
    await visitor.post('/orders').send({ items }).expect(201);
    await shop.cluster.waitForCatchUp();

    const { body, headers } = await visitor.get('/reports/sales').expect(200);
    expect(body).toEqual({
      orders: 2,
      revenue: 80_000_003_000,
      bestSellers: [
        { productId: 1, name: 'Amber bamboo basket', quantity: 800, revenue: 80_000_000_000 },
        { productId: 2, name: 'Black bamboo basket', quantity: 600, revenue: 3000 },
      ],
    });
    expect(headers['x-replica-node']).toBe(`127.0.0.1-${shop.replicas[1]?.port}`);
    expect(headers['x-replica-reason']).toBe('within-staleness');
  });
});

describe('GET /status', () => {
  it('shows role, health, position and lag of every node, and asks none', async () => {
    const { body, headers } = await visitor.get('/status').expect(200);
    const node = (role: string, index: number, port?: number): object => ({
      name: role === 'primary' ? role : `127.0.0.1-${port}`,
      role,
      address: `127.0.0.1:${port}`,
      health: 'up',
      problem: null,
      position: expect.stringMatching(forDatabase({ postgres: /^[0-9A-F]+\/[0-9A-F]+$/, mariadb: /^\d+$/ })),
      lagMs: expect.any(Number),
      roundTripMs: expect.any(Number),
      isLagging: false,
      isTooOld: false,
      isDraining: false,
      timeline: 1,
      receiver:
        role === 'primary'
          ? null
          : forDatabase({ postgres: 'streaming', mariadb: expect.any(String) as unknown as string }),
      weight: 1,
      region: null,
      tags: index === 2 ? { usage: 'reports' } : {},
    });
    expect(body).toEqual({
      version: expect.any(Number),
      primary: node('primary', 0, shop.cluster.primary.port),
      replicas: shop.replicas.map(({ port }, index) => node('replica', index + 1, port)),
    });
    expect(headers).not.toHaveProperty('x-replica-node');
    expect(JSON.stringify(body)).not.toContain(shop.cluster.primary.password);
  });
});
