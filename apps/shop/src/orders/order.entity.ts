import { Exclude } from 'class-transformer';
import {
  Column,
  CreateDateColumn,
  Entity,
  Index,
  OneToMany,
  PrimaryGeneratedColumn,
  type Relation,
} from 'typeorm';
import { OrderItem } from './order-item.entity.js';

@Entity('orders')
@Index('orders_session', ['sessionId', 'id'])
export class Order {
  @PrimaryGeneratedColumn('identity', { primaryKeyConstraintName: 'orders_pkey' })
  id!: number;

  /** Whoever knows it is that visitor: it never leaves in an answer. */
  @Exclude()
  @Column('uuid')
  sessionId!: string;

  /** In cents, at the prices of the moment of the order. */
  @Column('bigint', { transformer: { from: Number, to: (cents: number) => cents } })
  total!: number;

  @CreateDateColumn({ type: 'timestamptz' })
  createdAt!: Date;

  @OneToMany(() => OrderItem, (item) => item.order)
  items!: Relation<OrderItem>[];
}
