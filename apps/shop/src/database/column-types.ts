/**
 * The type of a column that holds a point in time. Entities name the types of their columns when they are loaded, and these depend on
 * the database, so `DATABASE_URL` has to be set by then.
 */
export const INSTANT = /^(?:mysql|mariadb):/.test(process.env.DATABASE_URL ?? '')
  ? 'datetime'
  : 'timestamptz';
