/** Built-in types that a text can name otherwise than the catalog does (manual, 8 Data Types), by their name there. */
export const SPELLINGS: Readonly<Record<string, readonly string[]>> = {
  bool: ['boolean'],
  bpchar: ['character', 'char', 'nchar', 'national'],
  float4: ['real', 'float'],
  float8: ['double', 'float'],
  int2: ['smallint'],
  int4: ['int', 'integer'],
  int8: ['bigint'],
  numeric: ['decimal', 'dec'],
  timestamptz: ['timestamp'],
  timetz: ['time'],
  varbit: ['bit'],
  varchar: ['character', 'char', 'nchar', 'national'],
};
