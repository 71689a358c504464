import { Body, Controller, Get, Param, Post } from '@nestjs/common';
import { ForcePrimary } from 'nestjs-replica';
import { SessionId } from '../session/session-id.decorator.js';
import { ParseIdPipe } from '../validation/parse-id.pipe.js';
import { Order } from './order.entity.js';
import { OrdersService } from './orders.service.js';
import { PlaceOrderDto } from './place-order.dto.js';

/** Every handler sees only the orders of its visitor. */
@Controller('orders')
export class OrdersController {
  constructor(private readonly orders: OrdersService) {}

  @Post()
  place(@SessionId() sessionId: string, @Body() { items }: PlaceOrderDto): Promise<Order> {
    return this.orders.place(sessionId, items);
  }

  @Get()
  latest(@SessionId() sessionId: string): Promise<Order[]> {
    return this.orders.latestOf(sessionId);
  }

  /** People keep this document, so it comes from the primary, whatever the replicas have. */
  @ForcePrimary()
  @Get(':id/receipt')
  receipt(@SessionId() sessionId: string, @Param('id', ParseIdPipe) id: number): Promise<Order> {
    return this.orders.getOf(sessionId, id);
  }
}
