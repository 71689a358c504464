import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Shop, Visitor } from './support/shop.js';
import { until } from '../../support/until.js';
import { pauseReplay, resumeReplay } from '../../support/cluster/use-cluster.js';

let shop: Shop;

beforeAll(async () => {
  shop = await Shop.open();
});

afterAll(() => shop.close());

/** Which node answers this visitor now, why, and the price it shows. */
async function look(visitor: Visitor, id: number): Promise<{ node: string; reason: string; price: number }> {
  const { headers, body } = await visitor.get(`/products/${id}`).expect(200);
  return {
    node: headers['x-replica-node'] ?? '',
    reason: headers['x-replica-reason'] ?? '',
    price: body.price,
  };
}

const REPLICA = expect.stringMatching(/^127\.0\.0\.1-\d+$/);

describe('the shop', () => {
  afterEach(async () => {
    await resumeReplay(shop.cluster);
    await shop.cluster.waitForCatchUp();
  });

  describe('a visitor who changed a price', () => {
    it('sees it at once while no replica has it, and from a replica again when one does', async () => {
      const [changer, other] = [await shop.knownVisitor(), await shop.knownVisitor()];
      const before = await look(changer, 60);
      expect(before).toEqual({ node: REPLICA, reason: 'session-free', price: expect.any(Number) });

      await pauseReplay(shop.cluster);
      const price = before.price + 1;
      await changer.patch('/products/60').send({ price }).expect(200);
      expect(await look(changer, 60)).toEqual({ node: 'primary', reason: 'session-ahead', price });
      expect(await look(other, 60)).toEqual({ node: REPLICA, reason: 'session-free', price: before.price });
      const list = await changer.get('/products?page=3').expect(200);
      expect(list.body.items.at(-1)).toMatchObject({ id: 60, price });
      expect(list.headers['x-replica-node']).toBe('primary');

      await resumeReplay(shop.cluster);
      await until(async () => {
        const seen = await look(changer, 60);
        expect(seen.price).toBe(price);
        return seen.node !== 'primary';
      }, 'a replica serves the changer again');
      expect(await look(changer, 60)).toEqual({ node: REPLICA, reason: 'session-replayed', price });
    });

    it('sees it at once with the first cookie: it came with the answer to the change', async () => {
      await pauseReplay(shop.cluster);
      const newcomer = shop.newVisitor();
      const { headers } = await newcomer.patch('/products/61').send({ price: 1 }).expect(200);
      expect(headers['set-cookie']).toEqual([
        expect.stringMatching(/^sid=[0-9a-f-]{36}; Path=\/; HttpOnly; SameSite=Lax$/),
      ]);
      expect(await look(newcomer, 61)).toEqual({ node: 'primary', reason: 'session-ahead', price: 1 });
    });
  });

  describe('a visitor who ordered', () => {
    it('finds the order at once, also on the very first visit, and reports stay on replicas', async () => {
      const before = await shop.newVisitor().get('/reports/sales').expect(200);
      await pauseReplay(shop.cluster);
      const newcomer = shop.newVisitor();
      const { body: placed } = await newcomer
        .post('/orders')
        .send({ items: [{ productId: 62, quantity: 1 }] })
        .expect(201);
      const { body, headers } = await newcomer.get('/orders').expect(200);
      expect(body).toEqual([placed]);
      expect(headers['x-replica-node']).toBe('primary');

      const report = await newcomer.get('/reports/sales').expect(200);
      expect(report.body).toEqual(before.body);
      expect(report.headers['x-replica-node']).toMatch(/^127\.0\.0\.1-\d+$/);
    });
  });

  describe('a newcomer', () => {
    it('sees nothing older at the second visit than at the first, though one replica is behind', async () => {
      await shop.replicas[0]?.pauseReplay();
      await shop.newVisitor().patch('/products/63').send({ price: 2 }).expect(200);
      await until(async () => {
        const { node, price } = await look(shop.newVisitor(), 63);
        return node !== 'primary' && price === 2;
      }, 'the other replica has it');
      const visits: string[] = [];
      for (let count = 0; count < 30; count++) {
        const newcomer = shop.newVisitor();
        const [first, second] = [await look(newcomer, 63), await look(newcomer, 63)];
        visits.push(second.price === 2 || first.price !== 2 ? 'fine' : `${first.node}, then ${second.node}`);
      }
      expect(new Set(visits)).toEqual(new Set(['fine']));
    });
  });

  describe('many visitors at once', () => {
    it('each see their own last change, whichever replica stops and catches up meanwhile', async () => {
      const [visitors, rounds] = [20, 10];
      const wrong: string[] = [];
      const nodes = new Set<string>();
      const visit = async (index: number): Promise<void> => {
        const visitor = shop.newVisitor();
        for (let round = 1; round <= rounds; round++) {
          const price = index * 1000 + round;
          await visitor
            .patch(`/products/${100 + index}`)
            .send({ price })
            .expect(200);
          for (let looks = 0; looks < 2; looks++) {
            const seen = await look(visitor, 100 + index);
            nodes.add(seen.node);
            if (seen.price !== price)
              wrong.push(`${seen.price} for ${price} on ${seen.node}: ${seen.reason}`);
          }
        }
      };
      const visiting = new AbortController();
      const disturb = async (): Promise<void> => {
        for (let turn = 0; !visiting.signal.aborted; turn++) {
          const replica = shop.replicas[turn % 2];
          await replica?.pauseReplay();
          await look(shop.newVisitor(), 1);
          await replica?.resumeReplay();
        }
      };
      const disturbing = disturb();
      try {
        await Promise.all(Array.from({ length: visitors }, (_, index) => visit(index)));
      } finally {
        visiting.abort();
        await disturbing;
      }

      expect(wrong).toEqual([]);
      expect(nodes).toEqual(new Set(['primary', ...shop.replicas.map(({ port }) => `127.0.0.1-${port}`)]));
    });
  });

  describe('the session cookie', () => {
    it('is given once, and again to whoever sends something else', async () => {
      const visitor = shop.newVisitor();
      const first = await visitor.get('/products/1').expect(200);
      expect(first.headers['set-cookie']).toHaveLength(1);
      const second = await visitor.get('/products/1').expect(200);
      expect(second.headers).not.toHaveProperty('set-cookie');
      const forged = await shop.newVisitor().get('/orders').set('Cookie', "sid=' OR 1=1").expect(200);
      expect(forged.headers['set-cookie']).toHaveLength(1);
      expect(forged.body).toEqual([]);
    });

    it('comes with errors, too', async () => {
      const { headers } = await shop.newVisitor().get('/nowhere').expect(404);
      expect(headers['set-cookie']).toHaveLength(1);
    });
  });
});
