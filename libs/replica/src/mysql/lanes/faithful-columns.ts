import type { FieldPacket } from 'mysql2';

/** A column of a prepared statement. */
export type Column = FieldPacket & { readonly columnType?: number };

/** The option of `mysql2`: which dates it gives as texts. */
export type DateStrings = boolean | readonly string[] | undefined;

/** Numbers of types (protocol of MySQL). */
const FLOAT = 4;
const DOUBLE = 5;
const TIMESTAMP = 7;
const LONGLONG = 8;
const DATE = 10;
const TIME = 11;
const DATETIME = 12;
const NEWDATE = 14;

const DATE_NAMES: ReadonlyMap<number | undefined, string> = new Map([
  [TIMESTAMP, 'TIMESTAMP'],
  [DATE, 'DATE'],
  [DATETIME, 'DATETIME'],
  [NEWDATE, 'NEWDATE'],
]);

/** How many decimals a DOUBLE has whose text is not rounded to a fixed number of them. */
const NOT_FIXED = 31;
const ZEROFILL = 0x40;

/**
 * Whether `mysql2` makes the same values of rows of these columns, whether they come in binary form or as a text. (It misreads a DATETIME
 * before the year 100, or without a month or a day, either way.)
 */
export function areFaithful(columns: readonly Column[], dateStrings: DateStrings): boolean {
  return columns.length > 0 && columns.every((column) => isFaithful(column, dateStrings));
}

function isFaithful({ columnType, decimals, flags }: Column, dateStrings: DateStrings): boolean {
  switch (columnType) {
    case FLOAT:
      // Its text is rounded (1.1), its binary form is not (1.100000023841858).
      return false;
    case DOUBLE:
      // A sum of DOUBLE(10, 2) likewise.
      return decimals === NOT_FIXED;
    case TIME:
      // The binary form has no zeros at the end: '12:00:00.500' and '12:00:00.5'.
      return decimals === 0;
    case LONGLONG:
      return (Number(flags) & ZEROFILL) === 0;
    case DATE:
    case NEWDATE:
      // '0000-00-00' makes two different dates.
      return isText(columnType, dateStrings);
    case DATETIME:
    case TIMESTAMP:
      return decimals === 0 || !isText(columnType, dateStrings);
    default:
      return true;
  }
}

function isText(type: number, dateStrings: DateStrings): boolean {
  return Array.isArray(dateStrings) ? dateStrings.includes(DATE_NAMES.get(type)) : Boolean(dateStrings);
}
