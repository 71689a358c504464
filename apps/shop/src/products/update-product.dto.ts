import { IsInt, Max, Min, ValidateIf } from 'class-validator';

/** The changes to a product. What is absent stays as it is. */
export class UpdateProductDto {
  /** In cents. */
  // @IsOptional() would let null pass.
  @ValidateIf((_, value) => value !== undefined)
  @IsInt()
  @Min(0)
  @Max(100_000_000)
  price?: number;

  @ValidateIf((_, value) => value !== undefined)
  @IsInt()
  @Min(0)
  @Max(1_000_000_000)
  stock?: number;
}
