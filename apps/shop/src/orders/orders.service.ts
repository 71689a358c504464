import { Injectable, NotFoundException } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { DataSource, Repository } from 'typeorm';
import { Order, OrderItem } from './order.entity.js';
import type { OrderLineDto } from './place-order.dto.js';
import { takeFromStock } from './take-from-stock.js';

/** How many orders are shown, the newest first. */
const LATEST = 50;

@Injectable()
export class OrdersService {
  constructor(
    private readonly dataSource: DataSource,
    @InjectRepository(Order) private readonly orders: Repository<Order>,
  ) {}

  /** All or nothing: if one product is short, it takes no stock and writes no order. */
  async place(sessionId: string, lines: readonly OrderLineDto[]): Promise<Order> {
    // Every order locks its products in the same sequence, so orders cannot deadlock.
    const inOrder = lines.toSorted((a, b) => a.productId - b.productId);
    // MySQL's own level would show the stock as it was when the transaction first read.
    return this.dataSource.transaction('READ COMMITTED', async (manager) => {
      const items: OrderItem[] = [];
      for (const { productId, quantity } of inOrder) {
        const { name, price } = await takeFromStock(manager, productId, quantity);
        items.push(manager.create(OrderItem, { productId, name, price, quantity }));
      }
      const total = items.reduce((sum, { price, quantity }) => sum + price * quantity, 0);
      const order = manager.create(Order, { sessionId, total });
      await manager.insert(Order, order);
      for (const item of items) item.orderId = order.id;
      await manager.insert(OrderItem, items);
      return Object.assign(order, { items });
    });
  }

  latestOf(sessionId: string): Promise<Order[]> {
    return this.orders.find({
      where: { sessionId },
      order: { id: 'DESC' },
      take: LATEST,
      relations: { items: true },
      // With a join, each line would count as an order.
      relationLoadStrategy: 'query',
    });
  }

  /** Another visitor's order counts as missing, so that nobody learns that it exists. */
  async getOf(sessionId: string, id: number): Promise<Order> {
    const order = await this.orders.findOne({
      where: { id, sessionId },
      relations: { items: true },
      relationLoadStrategy: 'query',
    });
    if (order === null) throw new NotFoundException(`there is no order ${id}`);
    return order;
  }
}
