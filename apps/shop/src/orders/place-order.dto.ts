import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  IsArray,
  IsInt,
  IsObject,
  Max,
  Min,
  ValidateNested,
} from 'class-validator';
import { MAX_ID } from '../validation/parse-id.pipe.js';

export class OrderLineDto {
  @IsInt()
  @Min(1)
  @Max(MAX_ID)
  productId!: number;

  @IsInt()
  @Min(1)
  @Max(1_000)
  quantity!: number;
}

export class PlaceOrderDto {
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(50)
  @ArrayUnique((line?: OrderLineDto) => line?.productId, {
    message: 'items must name each product once',
  })
  @IsObject({ each: true })
  @ValidateNested({ each: true })
  @Type(() => OrderLineDto)
  items!: OrderLineDto[];
}
