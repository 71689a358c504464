import { Check, Column, Entity, PrimaryGeneratedColumn, UpdateDateColumn } from 'typeorm';
import { INSTANT } from '../database/column-types.js';

@Entity('products')
@Check('products_price_check', 'price >= 0')
@Check('products_stock_check', 'stock >= 0')
export class Product {
  @PrimaryGeneratedColumn({ primaryKeyConstraintName: 'products_pkey' })
  id!: number;

  @Column('text')
  name!: string;

  @Column('text')
  description!: string;

  /** In cents. */
  @Column('integer')
  price!: number;

  @Column('integer')
  stock!: number;

  @UpdateDateColumn({ type: INSTANT })
  updatedAt!: Date;
}
