import { Injectable, NotFoundException } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { ILike, Repository } from 'typeorm';
import { ListProductsQuery } from './list-products.query.js';
import { Product } from './product.entity.js';
import { UpdateProductDto } from './update-product.dto.js';

const PAGE_SIZE = 20;

export interface ProductPage {
  readonly items: Product[];
  /** From 1. */
  readonly page: number;
  readonly pages: number;
  readonly total: number;
}

@Injectable()
export class ProductsService {
  constructor(@InjectRepository(Product) private readonly products: Repository<Product>) {}

  async list({ search, page }: ListProductsQuery): Promise<ProductPage> {
    const [items, total] = await this.products.findAndCount({
      where: search === '' ? {} : { name: ILike(`%${escapeLike(search)}%`) },
      order: { id: 'ASC' },
      skip: (page - 1) * PAGE_SIZE,
      take: PAGE_SIZE,
    });
    return { items, page, pages: Math.ceil(total / PAGE_SIZE), total };
  }

  async get(id: number): Promise<Product> {
    const product = await this.products.findOneBy({ id });
    if (product === null) throw new NotFoundException(`there is no product ${id}`);
    return product;
  }

  async update(id: number, changes: UpdateProductDto): Promise<Product> {
    await this.products.update(id, changes);
    return this.get(id);
  }
}

/** Escapes `%` and `_`, so that they stand for themselves. */
function escapeLike(text: string): string {
  return text.replace(/[\\%_]/g, '\\$&');
}
