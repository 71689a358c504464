import { ConflictException, NotFoundException } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { Product } from '../products/product.entity.js';

/**
 * Takes pieces out of the stock, or throws if there are not enough. A single statement both checks and takes. So of two orders at
 * the same time, the second waits for the first and then sees what is left.
 */
export async function takeFromStock(
  manager: EntityManager,
  productId: number,
  quantity: number,
): Promise<Product> {
  const { affected } = await manager
    .createQueryBuilder()
    .update(Product)
    .set({ stock: () => 'stock - :quantity' })
    .where('id = :productId AND stock >= :quantity', { productId, quantity })
    .execute();
  const product = await manager.findOneBy(Product, { id: productId });
  if (product === null) throw new NotFoundException(`there is no product ${productId}`);
  if (affected === 1) return product;
  throw new ConflictException(`of product ${productId} there are ${product.stock} left, not ${quantity}`);
}
