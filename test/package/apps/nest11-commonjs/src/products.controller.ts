import { Body, Controller, Get, NotFoundException, Param, ParseIntPipe, Post } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { ForcePrimary, UseReplica } from 'nestjs-replica';
import { Like, Repository } from 'typeorm';
import { Product } from './product.entity';

@Controller('products')
export class ProductsController {
  constructor(@InjectRepository(Product) private readonly products: Repository<Product>) {}

  @Post()
  create(@Body('name') name: string): Promise<Product> {
    return this.products.save({ name });
  }

  @Get()
  list(): Promise<Product[]> {
    return this.products.find();
  }

  @Get('on-the-primary')
  @ForcePrimary()
  listOnThePrimary(): Promise<Product[]> {
    return this.products.find();
  }

  @Post('search')
  @UseReplica()
  search(@Body('name') name: string): Promise<Product[]> {
    return this.products.findBy({ name: Like(`%${name}%`) });
  }

  @Get(':id')
  async show(@Param('id', ParseIntPipe) id: number): Promise<Product> {
    const product = await this.products.findOneBy({ id });
    if (!product) throw new NotFoundException();
    return product;
  }
}
