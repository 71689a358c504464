import { BadRequestException, Body, Controller, Get, Param, Patch, Query } from '@nestjs/common';
import { ParseIdPipe } from '../validation/parse-id.pipe.js';
import { ListProductsQuery } from './list-products.query.js';
import { Product } from './product.entity.js';
import { type ProductPage, ProductsService } from './products.service.js';
import { UpdateProductDto } from './update-product.dto.js';

/** It needs no decorator: reads go to a replica, but never to one that lacks what the visitor has written. */
@Controller('products')
export class ProductsController {
  constructor(private readonly products: ProductsService) {}

  @Get()
  list(@Query() query: ListProductsQuery): Promise<ProductPage> {
    return this.products.list(query);
  }

  @Get(':id')
  get(@Param('id', ParseIdPipe) id: number): Promise<Product> {
    return this.products.get(id);
  }

  @Patch(':id')
  update(@Param('id', ParseIdPipe) id: number, @Body() changes: UpdateProductDto): Promise<Product> {
    if (changes.price === undefined && changes.stock === undefined) {
      throw new BadRequestException('nothing to change: give price, stock or both');
    }
    return this.products.update(id, changes);
  }
}
