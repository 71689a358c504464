import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { Order, OrderItem } from '../../../apps/shop/src/orders/order.entity.js';
import { Product } from '../../../apps/shop/src/products/product.entity.js';
import { Shop, Visitor } from './support/shop.js';

let shop: Shop;
let visitor: Visitor;

beforeAll(async () => {
  shop = await Shop.open();
  visitor = await shop.knownVisitor();
});

afterAll(() => shop.close());

const order = (who: Visitor, ...items: object[]): ReturnType<Visitor['post']> =>
  who.post('/orders').send({ items });

/** What the primary has: outside requests, nothing is read elsewhere. */
const onPrimary = (): DataSource => shop.app.get(DataSource);

async function stockOf(id: number): Promise<number> {
  return (await onPrimary().getRepository(Product).findOneByOrFail({ id })).stock;
}

function countOrders(): Promise<number> {
  return onPrimary().getRepository(Order).count();
}

describe('POST /orders', () => {
  it('takes the stock and writes the order, at the prices of the moment, on the primary', async () => {
    await visitor.patch('/products/10').send({ price: 1000, stock: 50 }).expect(200);
    await visitor.patch('/products/11').send({ price: 1, stock: 50 }).expect(200);
    const { body, headers } = await order(
      visitor,
      { productId: 11, quantity: 2 },
      { productId: 10, quantity: 3 },
    ).expect(201);
    expect(body).toEqual({
      id: expect.any(Number),
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      total: 3002,
      items: [
        { productId: 10, name: expect.any(String), price: 1000, quantity: 3 },
        { productId: 11, name: expect.any(String), price: 1, quantity: 2 },
      ],
    });
    expect(headers['x-replica-node']).toBe('primary');
    expect(await stockOf(10)).toBe(47);
    expect(await stockOf(11)).toBe(48);

    await visitor.patch('/products/10').send({ price: 9999 }).expect(200);
    const receipt = await visitor.get(`/orders/${body.id}/receipt`).expect(200);
    expect(receipt.body).toEqual(body);
  });

  it('adds up totals that are larger than an integer of the database', async () => {
    await visitor.patch('/products/12').send({ price: 100_000_000, stock: 1000 }).expect(200);
    const { body } = await order(visitor, { productId: 12, quantity: 1000 }).expect(201);
    expect(body.total).toBe(100_000_000_000);
    const { body: receipt } = await visitor.get(`/orders/${body.id}/receipt`).expect(200);
    expect(receipt.total).toBe(100_000_000_000);
  });

  it('answers 409 when there is not enough, and takes nothing of what there is', async () => {
    await visitor.patch('/products/20').send({ stock: 5 }).expect(200);
    await visitor.patch('/products/21').send({ stock: 1 }).expect(200);
    const before = await countOrders();
    const { body } = await order(
      visitor,
      { productId: 20, quantity: 5 },
      { productId: 21, quantity: 2 },
    ).expect(409);
    expect(body).toEqual({
      statusCode: 409,
      error: 'Conflict',
      message: 'of product 21 there are 1 left, not 2',
    });
    expect(await stockOf(20)).toBe(5);
    expect(await stockOf(21)).toBe(1);
    expect(await countOrders()).toBe(before);
  });

  it('answers 404 to an unknown product, and takes nothing of the others', async () => {
    const before = await stockOf(22);
    const { body } = await order(
      visitor,
      { productId: 22, quantity: 1 },
      { productId: 1001, quantity: 1 },
    ).expect(404);
    expect(body.message).toBe('there is no product 1001');
    expect(await stockOf(22)).toBe(before);
  });

  it('sells 20 pieces to 20 of 50 visitors who order at once', async () => {
    await visitor.patch('/products/30').send({ stock: 20 }).expect(200);
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => order(shop.newVisitor(), { productId: 30, quantity: 1 })),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(20);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(30);
    expect(await stockOf(30)).toBe(0);
    expect(await onPrimary().getRepository(OrderItem).countBy({ productId: 30 })).toBe(20);
  });

  it('lets orders of the same products in any order wait for each other without a deadlock', async () => {
    await visitor.patch('/products/31').send({ stock: 1000 }).expect(200);
    await visitor.patch('/products/32').send({ stock: 1000 }).expect(200);
    const lines = [
      { productId: 31, quantity: 1 },
      { productId: 32, quantity: 1 },
    ];
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        order(shop.newVisitor(), ...(index % 2 ? lines : lines.toReversed())),
      ),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
    expect(await stockOf(31)).toBe(960);
  });

  it.each([
    {},
    [],
    { items: [] },
    { items: {} },
    { items: [null] },
    { items: [[]] },
    { items: [[{ productId: 1, quantity: 1 }]] },
    { items: ['1'] },
    { items: [{}] },
    { items: [{ productId: 1 }] },
    { items: [{ productId: 1, quantity: 0 }] },
    { items: [{ productId: 1, quantity: -1 }] },
    { items: [{ productId: 1, quantity: 1001 }] },
    { items: [{ productId: 1, quantity: 1.5 }] },
    { items: [{ productId: '1', quantity: 1 }] },
    { items: [{ productId: 0, quantity: 1 }] },
    { items: [{ productId: 2147483648, quantity: 1 }] },
    { items: [{ productId: 1, quantity: 1, price: 0 }] },
    { items: [{ productId: 1, quantity: 1 }], total: 0 },
    { items: Array.from({ length: 2 }, () => ({ productId: 1, quantity: 1 })) },
    { items: Array.from({ length: 51 }, (_, index) => ({ productId: index + 1, quantity: 1 })) },
  ])('refuses %j', async (body) => {
    const before = await countOrders();
    const answer = await visitor.post('/orders').send(body).expect(400);
    expect(answer.body).toMatchObject({ statusCode: 400, error: 'Bad Request' });
    expect(await countOrders()).toBe(before);
  });
});

describe('GET /orders', () => {
  it("shows a visitor's own orders, the newest first", async () => {
    const one = await shop.knownVisitor();
    const other = await shop.knownVisitor();
    const first = await order(one, { productId: 40, quantity: 1 }, { productId: 41, quantity: 2 }).expect(
      201,
    );
    await order(other, { productId: 40, quantity: 1 }).expect(201);
    const second = await order(one, { productId: 42, quantity: 1 }).expect(201);

    const { body } = await one.get('/orders').expect(200);
    expect(body).toEqual([second.body, first.body]);
    expect((await other.get('/orders').expect(200)).body).toHaveLength(1);
    expect((await shop.newVisitor().get('/orders').expect(200)).body).toEqual([]);
  });

  it('shows the latest fifty', async () => {
    const regular = await shop.knownVisitor();
    const placed: unknown[] = [];
    for (let id = 101; id <= 151; id++) {
      const lines = [
        { productId: id, quantity: 1 },
        { productId: id + 51, quantity: 1 },
      ];
      placed.unshift((await order(regular, ...lines).expect(201)).body);
    }
    const { body } = await regular.get('/orders').expect(200);
    expect(body).toEqual(placed.slice(0, 50));
  });
});

describe('GET /orders/:id/receipt', () => {
  it('comes from the primary', async () => {
    const { body: placed } = await order(visitor, { productId: 50, quantity: 1 }).expect(201);
    const { body, headers } = await visitor.get(`/orders/${placed.id}/receipt`).expect(200);
    expect(body).toEqual(placed);
    expect(headers['x-replica-node']).toBe('primary');
    expect(headers['x-replica-reason']).toBe('forced-primary');
  });

  it("answers 404 to another visitor's order as to one that does not exist", async () => {
    const { body: placed } = await order(visitor, { productId: 51, quantity: 1 }).expect(201);
    const stranger = await shop.knownVisitor();
    const other = await stranger.get(`/orders/${placed.id}/receipt`).expect(404);
    expect(other.body.message).toBe(`there is no order ${placed.id}`);
    await visitor.get('/orders/999999/receipt').expect(404);
  });

  it.each(['0', '2147483648', 'last'])('answers 400 to the id %s', async (id) => {
    const { status } = await visitor.get(`/orders/${id}/receipt`);
    expect(status).toBe(400);
  });
});
