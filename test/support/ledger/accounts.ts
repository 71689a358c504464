import { forDatabase } from '../cluster/test-database.js';
import { Column, Entity, ManyToOne, OneToMany, PrimaryGeneratedColumn, type Relation } from 'typeorm';

/** The tables that most tests use. */
@Entity()
export class Account {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  owner!: string;

  @Column({ default: 0 })
  balance!: number;

  @OneToMany(() => Entry, (entry) => entry.account, { lazy: true })
  entries!: Promise<Entry[]>;
}

@Entity()
export class Entry {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  amount!: number;

  @ManyToOne(() => Account, (account) => account.entries)
  account!: Relation<Account>;
}

/** Where TypeORM keeps results for queries with `cache`. */
export const RESULT_CACHE_TABLE = forDatabase({
  postgres: `
    CREATE TABLE "query-result-cache" (id serial PRIMARY KEY, identifier varchar, time bigint NOT NULL,
      duration int NOT NULL, query text NOT NULL, result text NOT NULL)`,
  mariadb: `
    CREATE TABLE \`query-result-cache\` (id int AUTO_INCREMENT PRIMARY KEY, identifier varchar(255), time bigint NOT NULL,
      duration int NOT NULL, query text NOT NULL, result text NOT NULL)`,
});
