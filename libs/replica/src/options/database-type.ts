/** The types of database, as TypeORM calls them. */
export const DATABASE_TYPES = ['postgres', 'mysql', 'mariadb'] as const;

export type DatabaseType = (typeof DATABASE_TYPES)[number];

/** Databases that take the same options. */
export interface DatabaseFamily {
  readonly name: string;
  /** How a connection URL begins. The first one is shown in messages. */
  readonly protocols: readonly string[];
  readonly defaultPort: number;
}

export const POSTGRES: DatabaseFamily = {
  name: 'PostgreSQL',
  protocols: ['postgres:', 'postgresql:'],
  defaultPort: 5432,
};

export const MYSQL: DatabaseFamily = {
  name: 'MySQL and MariaDB',
  protocols: ['mysql:', 'mariadb:'],
  defaultPort: 3306,
};

/** The family of a type. A type that is none counts as PostgreSQL, and is a mistake of its own. */
export function familyOf(type: unknown): DatabaseFamily {
  return type === 'mysql' || type === 'mariadb' ? MYSQL : POSTGRES;
}
