import { Exclude } from 'class-transformer';
import {
  Column,
  CreateDateColumn,
  Entity,
  Index,
  JoinColumn,
  ManyToOne,
  OneToMany,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  type Relation,
} from 'typeorm';
import { INSTANT } from '../database/column-types.js';
import { Product } from '../products/product.entity.js';

@Entity('orders')
@Index('orders_session', ['sessionId', 'id'])
export class Order {
  @PrimaryGeneratedColumn({ primaryKeyConstraintName: 'orders_pkey' })
  id!: number;

  /** Whoever knows the id is that visitor, so no answer contains it. */
  @Exclude()
  @Column({ length: 36 })
  sessionId!: string;

  /** In cents, at the prices when the order was placed. */
  @Column('bigint', { transformer: { from: Number, to: (cents: number) => cents } })
  total!: number;

  @CreateDateColumn({ type: INSTANT })
  createdAt!: Date;

  @OneToMany(() => OrderItem, (item) => item.order)
  items!: Relation<OrderItem>[];
}

/** A line of an order. Name and price stay as they were when it was placed. */
@Entity({ name: 'order_items', orderBy: { productId: 'ASC' } })
export class OrderItem {
  @Exclude()
  @PrimaryColumn('integer', { primaryKeyConstraintName: 'order_items_pkey' })
  orderId!: number;

  @PrimaryColumn('integer', { primaryKeyConstraintName: 'order_items_pkey' })
  productId!: number;

  @Column('text')
  name!: string;

  /** The price of one piece, in cents. */
  @Column('integer')
  price!: number;

  @Column('integer')
  quantity!: number;

  @ManyToOne(() => Order, (order) => order.items, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'orderId', foreignKeyConstraintName: 'order_items_order_fkey' })
  order?: Relation<Order>;

  @ManyToOne(() => Product)
  @JoinColumn({ name: 'productId', foreignKeyConstraintName: 'order_items_product_fkey' })
  product?: Relation<Product>;
}
