import {
  Column,
  CreateDateColumn,
  DeleteDateColumn,
  Entity,
  EventSubscriber,
  type EntitySubscriberInterface,
  Index,
  JoinTable,
  type LoadEvent,
  ManyToMany,
  ManyToOne,
  OneToMany,
  PrimaryColumn,
  type Relation,
  ViewColumn,
  ViewEntity,
} from 'typeorm';

export class Address {
  @Column({ nullable: true })
  city!: string;

  @Column({ nullable: true })
  zip!: string;
}

/** A column of most kinds that TypeORM has for PostgreSQL. */
@Entity()
export class Author {
  @PrimaryColumn()
  id!: number;

  @Column()
  name!: string;

  @Column({ type: 'text', array: true })
  tags!: string[];

  @Column('jsonb')
  settings!: Record<string, unknown>;

  @Column({ type: 'date', nullable: true })
  born!: string | null;

  @Column('numeric', { precision: 6, scale: 2, transformer: { to: String, from: Number } })
  rating!: number;

  @Column('bigint')
  visits!: string;

  @Column('enum', { enum: ['new', 'known'] })
  status!: string;

  @Column('simple-array')
  nicknames!: string[];

  @Column('simple-json')
  extras!: unknown;

  @Column('bytea')
  portrait!: Buffer;

  @Column('interval', { nullable: true })
  pause!: unknown;

  @Column('int4range')
  years!: string;

  @Column({ select: false })
  secret!: string;

  @Column(() => Address)
  address!: Address;

  @CreateDateColumn({ type: 'timestamptz' })
  createdAt!: Date;

  @DeleteDateColumn()
  deletedAt!: Date | null;

  @OneToMany(() => Book, (book) => book.author)
  books!: Relation<Book>[];
}

@Entity()
export class Genre {
  @PrimaryColumn()
  id!: number;

  @Column()
  label!: string;
}

@Entity()
export class Book {
  @PrimaryColumn()
  id!: number;

  @Index()
  @Column()
  title!: string;

  @Column()
  pages!: number;

  @ManyToOne(() => Author, (author) => author.books)
  author!: Relation<Author>;

  @ManyToMany(() => Genre, { eager: true })
  @JoinTable()
  genres!: Genre[];
}

@ViewEntity({
  expression:
    'SELECT author.id AS "id", author.name AS "name", count(book.id)::int AS "books" FROM author LEFT JOIN book ON book."authorId" = author.id GROUP BY author.id, author.name',
})
export class Productivity {
  @ViewColumn()
  id!: number;

  @ViewColumn()
  name!: string;

  @ViewColumn()
  books!: number;
}

/** What subscribers were told. */
export const told: string[] = [];

@EventSubscriber()
export class BookSubscriber implements EntitySubscriberInterface<Book> {
  listenTo(): typeof Book {
    return Book;
  }

  afterLoad(book: Book, event?: LoadEvent<Book>): void {
    told.push(`loaded ${book.id} ${event?.queryRunner.isReleased}`);
  }

  beforeQuery({ query }: { query: string }): void {
    if (query.includes('"book"')) told.push('before a query');
  }

  afterQuery({ query, success }: { query: string; success: boolean }): void {
    if (query.includes('"book"')) told.push(`after a query: ${success}`);
  }
}

export const LIBRARY = [Author, Book, Genre, Productivity];

/** Some authors with some books; one of them deleted. */
export const FILL = `
  INSERT INTO author (id, name, tags, settings, born, rating, visits, status, nicknames, extras, portrait, pause, years, secret,
      "addressCity", "addressZip", "createdAt", "deletedAt")
    SELECT n, 'author ' || n, ARRAY['tag ' || n, 'a "quoted", one', NULL], jsonb_build_object('n', n, 'list', ARRAY[1, 2]),
      CASE WHEN n % 2 = 0 THEN DATE '1950-01-01' + n END, n + 0.25, 9007199254740993 + n, (ARRAY['new', 'known'])[1 + n % 2]::author_status_enum,
      'a' || n || ',b', '{"n":' || n || '}', decode('00ff', 'hex'), make_interval(days => n), int4range(n, n + 10), 'secret',
      'city ' || n % 3, NULL, to_timestamp(n), CASE WHEN n = 10 THEN now() END
    FROM generate_series(1, 10) n;
  INSERT INTO genre SELECT n, 'genre ' || n FROM generate_series(1, 3) n;
  INSERT INTO book (id, title, pages, "authorId") SELECT n, 'book ' || n, n * 10, 1 + n % 5 FROM generate_series(1, 20) n;
  INSERT INTO book_genres_genre ("bookId", "genreId") SELECT n, 1 + n % 3 FROM generate_series(1, 20) n`;
