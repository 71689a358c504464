import { Transform } from 'class-transformer';
import { IsInt, IsString, Matches, Max, MaxLength, Min } from 'class-validator';

/** `?search=&page=`: both may be absent or empty. */
export class ListProductsQuery {
  /** Part of a name; upper and lower case are the same. */
  @IsString()
  @MaxLength(100)
  // PostgreSQL cannot store this character in a text.
  @Matches(/^[^\0]*$/, { message: 'search must not contain a NUL character' })
  search: string = '';

  @Transform(({ value }) => (value === '' ? 1 : Number(value)))
  @IsInt()
  @Min(1)
  @Max(1_000_000)
  page: number = 1;
}
