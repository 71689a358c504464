import 'reflect-metadata';
import {
  ChildEntity,
  Column,
  DataSource,
  DefaultNamingStrategy,
  Entity,
  JoinTable,
  ManyToMany,
  ManyToOne,
  PrimaryGeneratedColumn,
  TableInheritance,
  Tree,
  TreeChildren,
  TreeParent,
  ViewEntity,
  type DataSourceOptions,
  type EntityMetadata,
} from 'typeorm';
import { StatementClassifier } from '../postgres/statements/statement-classifier.js';
import { PrimaryOnly, primaryOnlyTables } from './primary-only.decorator.js';
import { TableRules } from '../engine/table-rules.js';
import { PostgresDatabase } from '../postgres/database.js';

const DATABASE = new PostgresDatabase({ connectTimeoutMs: 1, extra: {}, onIdleError: () => undefined });

abstract class WithId {
  @PrimaryGeneratedColumn() id!: number;
}

class ReadableDataSource extends DataSource {
  /** As `initialize()` does it, without a connection. */
  async readEntities(): Promise<readonly EntityMetadata[]> {
    await this.buildMetadatas();
    return this.entityMetadatas;
  }
}

async function tablesOf(
  // oxlint-disable-next-line typescript/no-unsafe-function-type -- as TypeORM takes them
  entities: Function[],
  options: Partial<Extract<DataSourceOptions, { type: 'postgres' }>> = {},
): Promise<readonly string[]> {
  const dataSource = new ReadableDataSource({ type: 'postgres', entities, ...options });
  return primaryOnlyTables(await dataSource.readEntities()).toSorted();
}

describe('an entity that is primary only', () => {
  it('is known whatever the order of its decorators', async () => {
    @PrimaryOnly()
    @Entity()
    class Above extends WithId {}
    @Entity()
    @PrimaryOnly()
    class Below extends WithId {}
    @Entity()
    class Another extends WithId {}
    expect(await tablesOf([Above, Below, Another])).toEqual(['above', 'below']);
  });

  it('has the table that TypeORM gives it', async () => {
    @PrimaryOnly()
    @Entity('ledger', { schema: 'billing' })
    class Ledger extends WithId {}
    @PrimaryOnly()
    @Entity()
    class UserAccount extends WithId {}
    class Shouting extends DefaultNamingStrategy {
      override tableName(className: string, given: string | undefined): string {
        return given ?? className.toUpperCase();
      }
    }
    expect(await tablesOf([Ledger, UserAccount])).toEqual(['billing.ledger', 'user_account']);
    expect(
      await tablesOf([Ledger, UserAccount], {
        entityPrefix: 'app_',
        schema: 'tenant',
        namingStrategy: new Shouting(),
      }),
    ).toEqual(['billing.app_ledger', 'tenant.app_USERACCOUNT']);
  });

  it('may be a view', async () => {
    @PrimaryOnly()
    @ViewEntity({ expression: 'select 1 as id' })
    class Balance {}
    expect(await tablesOf([Balance])).toEqual(['balance']);
  });

  it('shares the rule with those that share its table', async () => {
    @Entity()
    @TableInheritance({ column: 'type' })
    class Content extends WithId {
      @Column() type!: string;
    }
    @PrimaryOnly()
    @ChildEntity()
    class Photo extends Content {}
    @ChildEntity()
    class Text extends Content {}
    expect(await tablesOf([Content, Photo, Text])).toEqual(['content']);
  });

  it('shares the rule with those that extend it', async () => {
    @PrimaryOnly()
    abstract class Secret extends WithId {}
    @Entity()
    class Password extends Secret {}
    @PrimaryOnly()
    @Entity()
    class Key extends Secret {}
    @Entity()
    class OldKey extends Key {}
    @Entity()
    class Hint extends WithId {}
    expect(await tablesOf([Password, Key, OldKey, Hint])).toEqual(['key', 'old_key', 'password']);
  });

  it('covers the tables of its relations to many and of its tree', async () => {
    @Entity()
    class Role extends WithId {
      @ManyToMany('Member', 'ownedRoles') members!: unknown[];
    }
    @Entity()
    class Group extends WithId {
      @ManyToMany('Member', 'groups') @JoinTable({ name: 'group_members' }) members!: unknown[];
      @ManyToMany(() => Role) @JoinTable() roles!: Role[];
    }
    @PrimaryOnly()
    @Entity()
    @Tree('closure-table')
    class Member extends WithId {
      @ManyToMany(() => Role, 'members')
      @JoinTable({ name: 'member_roles', schema: 'auth' })
      ownedRoles!: Role[];
      @ManyToMany(() => Group, 'members') groups!: Group[];
      @ManyToOne(() => Group) mainGroup!: Group;
      @TreeChildren() below!: Member[];
      @TreeParent() above!: Member;
    }
    expect(await tablesOf([Role, Group, Member])).toEqual([
      'auth.member_roles',
      'group_members',
      'member',
      'member_closure',
    ]);
  });

  it('is recognised in the statements that TypeORM makes', async () => {
    @Entity()
    class Tag extends WithId {}
    @PrimaryOnly()
    @Entity({ schema: 'Billing', name: 'LedgerEntry' })
    class Entry extends WithId {
      @ManyToMany(() => Tag) @JoinTable() tags!: Tag[];
    }
    @Entity()
    class Report extends WithId {
      @ManyToOne(() => Entry) entry!: Entry;
    }
    const dataSource = new ReadableDataSource({
      type: 'postgres',
      entities: [Tag, Entry, Report],
      entityPrefix: 'app_',
    });
    const rules = new TableRules(DATABASE, {}, primaryOnlyTables(await dataSource.readEntities()));
    const classifier = new StatementClassifier();
    const [tags] = dataSource.getMetadata(Entry).manyToManyRelations;
    const reports = dataSource.getRepository(Report).createQueryBuilder('r');
    const queries = [
      dataSource.getRepository(Entry).createQueryBuilder('e').where('e.id = :id', { id: 1 }),
      reports.clone().leftJoinAndSelect('r.entry', 'e'),
      reports.clone().where(`EXISTS ${reports.subQuery().from(Entry, 'e').getQuery()}`),
      dataSource.createQueryBuilder().select().from(tags!.junctionEntityMetadata!.tablePath, 't'),
      reports,
    ];
    const ruled = queries.map((query) => rules.ruleFor(classifier.classify(query.getQuery())));
    expect(ruled).toEqual(['primary', 'primary', 'primary', 'primary', undefined]);
  });
});
