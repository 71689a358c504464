import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { until } from '../../support/until.js';
import { Shop, Visitor } from './support/shop.js';

let shop: Shop;
let visitor: Visitor;

beforeAll(async () => {
  shop = await Shop.open();
  visitor = await shop.knownVisitor();
});

afterAll(() => shop.close());

describe('GET /products', () => {
  it('shows the first of fifty pages, by id, from a replica', async () => {
    const { body, headers } = await visitor.get('/products').expect(200);
    expect(body).toMatchObject({ page: 1, pages: 50, total: 1000 });
    expect(body.items.map(({ id }: any) => id)).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
    expect(body.items[0]).toEqual({
      id: 1,
      name: 'Amber bamboo basket',
      description: expect.any(String),
      price: expect.any(Number),
      stock: expect.any(Number),
      updatedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    });
    expect(headers['x-replica-node']).toMatch(/^127\.0\.0\.1-\d+$/);
    expect(headers['x-replica-reason']).toBe('session-free');
  });

  it('shows the last page, and nothing after it', async () => {
    const last = await visitor.get('/products?page=50').expect(200);
    expect(last.body.items.at(-1).id).toBe(1000);
    const after = await visitor.get('/products?page=51').expect(200);
    expect(after.body).toEqual({ items: [], page: 51, pages: 50, total: 1000 });
  });

  it('takes empty parameters for absent ones', async () => {
    const { body } = await visitor.get('/products?search=&page=').expect(200);
    expect(body).toMatchObject({ page: 1, total: 1000 });
  });

  it('finds a part of a name in upper or lower case', async () => {
    const { body } = await visitor.get('/products').query({ search: 'OAK lamp' }).expect(200);
    expect(body).toMatchObject({ page: 1, pages: 1, total: 10 });
    expect(body.items[0].name).toBe('Amber oak lamp');
  });

  it.each(['%', '_', 'a%b', '\\', "'", 'no such thing', '🛋'])('finds no product by %j', async (search) => {
    const { body } = await visitor.get('/products').query({ search }).expect(200);
    expect(body).toEqual({ items: [], page: 1, pages: 0, total: 0 });
  });

  it.each([
    'page=0',
    'page=-1',
    'page=1.5',
    'page=two',
    'page=1e30',
    'page=Infinity',
    'page=1&page=2',
    'search=a&search=b',
    'search=%00',
    `search=${'x'.repeat(101)}`,
    'size=1000',
    'search[name]=x',
  ])('refuses ?%s', async (query) => {
    const { body } = await visitor.get(`/products?${query}`).expect(400);
    expect(body).toMatchObject({ statusCode: 400, error: 'Bad Request' });
    expect(body.message[0]).toEqual(expect.any(String));
  });
});

describe('GET /products/:id', () => {
  it('shows a product, from a replica', async () => {
    const { body, headers } = await visitor.get('/products/1000').expect(200);
    expect(body).toMatchObject({ id: 1000, name: 'White wool vase' });
    expect(headers['x-replica-node']).toMatch(/^127\.0\.0\.1-\d+$/);
  });

  it('answers 404 where there is none', async () => {
    const { body } = await visitor.get('/products/1001').expect(404);
    expect(body.message).toBe('there is no product 1001');
    await visitor.get('/products/2147483647').expect(404);
  });

  it.each(['0', '-1', '2147483648', '99999999999999999999', '1.5', 'one', '%00', '%E0%A4%A'])(
    'answers 400 to the id %s',
    async (id) => {
      const { status } = await visitor.get(`/products/${id}`);
      expect(status).toBe(400);
    },
  );
});

describe('PATCH /products/:id', () => {
  it('changes the price alone, on the primary', async () => {
    const before = await visitor.get('/products/2').expect(200);
    const { body, headers } = await visitor.patch('/products/2').send({ price: 4321 }).expect(200);
    expect(body).toEqual({ ...before.body, price: 4321, updatedAt: expect.any(String) });
    // MariaDB tells whole seconds: a change in the same second looks as old.
    await until(async () => {
      const later = await visitor.patch('/products/2').send({ price: 4321 }).expect(200);
      return Date.parse(later.body.updatedAt) > Date.parse(before.body.updatedAt);
    }, 'a later change');
    expect(headers['x-replica-node']).toBe('primary');
  });

  it('changes the stock alone, and both', async () => {
    const { body: one } = await visitor.patch('/products/3').send({ stock: 0 }).expect(200);
    expect(one).toMatchObject({ id: 3, stock: 0 });
    const { body: both } = await visitor.patch('/products/3').send({ stock: 7, price: 0 }).expect(200);
    expect(both).toMatchObject({ id: 3, stock: 7, price: 0, name: one.name });
  });

  it('answers 404 where there is no such product', async () => {
    const { body } = await visitor.patch('/products/1001').send({ price: 1 }).expect(404);
    expect(body.message).toBe('there is no product 1001');
  });

  it.each([
    {},
    [],
    [{ price: 1 }],
    { price: -1 },
    { price: 1.5 },
    { price: '1' },
    { price: null },
    { price: 1e12 },
    { stock: -1 },
    { stock: true },
    { stock: 3e9 },
    { price: 1, stock: null },
    { price: 1, name: 'mine' },
    { id: 5 },
  ])('refuses %j', async (changes) => {
    const before = await visitor.get('/products/4').expect(200);
    const { body } = await visitor.patch('/products/4').send(changes).expect(400);
    expect(body).toMatchObject({ statusCode: 400, error: 'Bad Request' });
    const after = await visitor.get('/products/4').expect(200);
    expect(after.body).toEqual(before.body);
  });

  it('refuses a body that is not there, or not JSON', async () => {
    const patch = (): ReturnType<Visitor['patch']> => visitor.patch('/products/4');
    const answers = [
      await patch(),
      await patch().type('json').send('{'),
      await patch().type('text').send('5'),
    ];
    expect(answers.map(({ status }) => status)).toEqual([400, 400, 400]);
  });
});
