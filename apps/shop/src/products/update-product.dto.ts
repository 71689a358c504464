import { IsInt, Max, Min, ValidateIf } from 'class-validator';

/** What may be changed of a product; what is absent stays. */
export class UpdateProductDto {
  /** In cents. */
  // Not @IsOptional(), which lets null pass.
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
