import { type ArgumentMetadata, BadRequestException, Injectable, ParseIntPipe } from '@nestjs/common';

/** The largest value of an `integer` of the database. With a larger one a query of PostgreSQL fails instead of finding nothing. */
export const MAX_ID = 2_147_483_647;

/** `ParseIntPipe` for ids. */
@Injectable()
export class ParseIdPipe extends ParseIntPipe {
  override async transform(value: string, metadata: ArgumentMetadata): Promise<number> {
    const id = Number(await super.transform(value, metadata));
    if (id < 1 || id > MAX_ID) throw new BadRequestException(`id must be from 1 to ${MAX_ID}`);
    return id;
  }
}
