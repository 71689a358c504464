import { Transform } from 'class-transformer';
import { IsInt, IsString, Matches, Max, MaxLength, Min } from 'class-validator';

/** `?search=&page=`: both may be absent or empty. */
export class ListProductsQuery {
  /** Part of a name, in upper or lower case. */
  @IsString()
  @MaxLength(100)
  // PostgreSQL has no such character in a text.
  @Matches(/^[^\0]*$/, { message: 'search must not contain a NUL character' })
  search: string = '';

  @Transform(({ value }) => (value === '' ? 1 : Number(value)))
  @IsInt()
  @Min(1)
  @Max(1_000_000)
  page: number = 1;
}
