import { Exclude } from 'class-transformer';
import { Column, Entity, JoinColumn, ManyToOne, PrimaryColumn, type Relation } from 'typeorm';
import { Product } from '../products/product.entity.js';
import { Order } from './order.entity.js';

/** A line of an order. Name and price stay what they were when it was made. */
@Entity({ name: 'order_items', orderBy: { productId: 'ASC' } })
export class OrderItem {
  @Exclude()
  @PrimaryColumn('integer', { primaryKeyConstraintName: 'order_items_pkey' })
  orderId!: number;

  @PrimaryColumn('integer', { primaryKeyConstraintName: 'order_items_pkey' })
  productId!: number;

  @Column('text')
  name!: string;

  /** Of one piece, in cents. */
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
