import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Order, OrderItem } from '../orders/order.entity.js';

/** All sums are in cents. */
export interface SalesReport {
  readonly orders: number;
  readonly revenue: number;
  readonly bestSellers: { productId: number; name: string; quantity: number; revenue: number }[];
}

@Injectable()
export class ReportsService {
  constructor(private readonly dataSource: DataSource) {}

  async sales(): Promise<SalesReport> {
    const totals = await this.dataSource
      .createQueryBuilder(Order, 'o')
      .select('count(*)', 'orders')
      .addSelect('coalesce(sum(o.total), 0)', 'revenue')
      .getRawOne<{ orders: string; revenue: string }>();
    const bestSellers = await this.dataSource
      .createQueryBuilder(OrderItem, 'i')
      .select('i.productId', 'productId')
      // A product may have been sold under several names.
      .addSelect('max(i.name)', 'name')
      .addSelect('sum(i.quantity)', 'quantity')
      .addSelect('sum(cast(i.quantity as decimal(20)) * i.price)', 'revenue')
      .groupBy('i.productId')
      .orderBy('sum(i.quantity)', 'DESC')
      .addOrderBy('i.productId')
      .limit(10)
      .getRawMany<{ productId: number; name: string; quantity: string; revenue: string }>();
    // The database's sums may exceed what a number can hold, so they come as text.
    return {
      orders: Number(totals?.orders),
      revenue: Number(totals?.revenue),
      bestSellers: bestSellers.map((row) => ({
        ...row,
        quantity: Number(row.quantity),
        revenue: Number(row.revenue),
      })),
    };
  }
}
