import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Where the databases differ. */
interface Dialect {
  /** A key that the database counts up. */
  readonly id: string;
  readonly instant: string;
  /** The columns of an index, or of a key. */
  readonly quote: (name: string) => string;
}

const POSTGRES: Dialect = {
  id: 'serial',
  instant: 'timestamptz NOT NULL DEFAULT now()',
  quote: (name) => `"${name}"`,
};
const MYSQL: Dialect = {
  id: 'integer AUTO_INCREMENT',
  instant: 'datetime(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)',
  quote: (name) => `\`${name}\``,
};

export class CreateShop1764547200000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    const isPostgres = queryRunner.connection.options.type === 'postgres';
    const { id, instant, quote } = isPostgres ? POSTGRES : MYSQL;
    const updated = isPostgres ? instant : `${instant} ON UPDATE CURRENT_TIMESTAMP(6)`;
    await queryRunner.query(`
      CREATE TABLE products (
        id ${id},
        name text NOT NULL,
        description text NOT NULL,
        price integer NOT NULL,
        stock integer NOT NULL,
        ${quote('updatedAt')} ${updated},
        CONSTRAINT products_pkey PRIMARY KEY (id),
        CONSTRAINT products_price_check CHECK (price >= 0),
        CONSTRAINT products_stock_check CHECK (stock >= 0)
      )`);
    await queryRunner.query(`
      CREATE TABLE orders (
        id ${id},
        ${quote('sessionId')} varchar(36) NOT NULL,
        total bigint NOT NULL,
        ${quote('createdAt')} ${instant},
        CONSTRAINT orders_pkey PRIMARY KEY (id)
      )`);
    await queryRunner.query(`CREATE INDEX orders_session ON orders (${quote('sessionId')}, id)`);
    await queryRunner.query(`
      CREATE TABLE order_items (
        ${quote('orderId')} integer NOT NULL,
        ${quote('productId')} integer NOT NULL,
        name text NOT NULL,
        price integer NOT NULL,
        quantity integer NOT NULL,
        CONSTRAINT order_items_pkey PRIMARY KEY (${quote('orderId')}, ${quote('productId')}),
        CONSTRAINT order_items_order_fkey FOREIGN KEY (${quote('orderId')}) REFERENCES orders (id)
          ON DELETE CASCADE ON UPDATE NO ACTION,
        CONSTRAINT order_items_product_fkey FOREIGN KEY (${quote('productId')}) REFERENCES products (id)
          ON DELETE NO ACTION ON UPDATE NO ACTION
      )`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE order_items, orders, products');
  }
}
