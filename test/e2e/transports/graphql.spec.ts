import { beforeAll, describe, expect, it } from '@jest/globals';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import {
  Args,
  Field,
  GraphQLModule,
  Int,
  Mutation,
  ObjectType,
  Query,
  ResolveField,
  Resolver,
} from '@nestjs/graphql';
import { InjectRepository } from '@nestjs/typeorm';
import { ForcePrimary, UseReplica } from 'nestjs-replica';
import { Repository } from 'typeorm';
import { useApp } from '../../support/app/start-app.js';
import { useRoutes, ON_REPLICA } from '../../support/app/routes.js';
import { useLedgerCluster, whilePaused, resetLedger } from '../../support/cluster/use-cluster.js';
import { Account } from '../../support/ledger/accounts.js';

@ObjectType()
class AccountType {
  @Field(() => Int)
  id!: number;

  @Field(() => Int)
  balance!: number;
}

@Resolver(() => AccountType)
class AccountResolver {
  constructor(@InjectRepository(Account) private readonly accounts: Repository<Account>) {}

  @Query(() => AccountType)
  account(@Args('id', { type: () => Int }) id: number): Promise<Account> {
    return this.accounts.findOneByOrFail({ id });
  }

  @ForcePrimary()
  @Query(() => AccountType)
  exactAccount(@Args('id', { type: () => Int }) id: number): Promise<Account> {
    return this.accounts.findOneByOrFail({ id });
  }

  @Mutation(() => AccountType)
  async deposit(@Args('id', { type: () => Int }) id: number): Promise<Account> {
    await this.accounts.increment({ id }, 'balance', 1);
    return this.accounts.findOneByOrFail({ id });
  }

  /** Nest runs no interceptors for fields; the decorator works without them. */
  @UseReplica()
  @ResolveField(() => Int)
  total(): Promise<number> {
    return this.accounts.count();
  }

  @ResolveField(() => Int)
  undecorated(): Promise<number> {
    return this.accounts.count();
  }
}

const cluster = useLedgerCluster();

describe.each([
  ['without interceptors for fields', [] as const],
  ['with interceptors for fields', ['interceptors'] as const],
])('GraphQL %s', (_, fieldResolverEnhancers) => {
  beforeAll(() => resetLedger(cluster));
  const app = useApp(
    cluster,
    [],
    {},
    {
      imports: [
        GraphQLModule.forRoot<ApolloDriverConfig>({
          driver: ApolloDriver,
          autoSchemaFile: true,
          fieldResolverEnhancers: [...fieldResolverEnhancers],
        }),
      ],
      providers: [AccountResolver],
    },
  );
  const routes = useRoutes(app);

  /** What the resolvers answered, and what the headers say. Without a session each question is a newcomer's. */
  async function ask(query: string, session?: string): Promise<{ data: any; node: string; reason: string }> {
    const call = app.http.post('/graphql');
    if (session !== undefined) call.set('x-session', session);
    const { body, headers } = await call.send({ query });
    expect(body.errors).toBeUndefined();
    return {
      data: body.data,
      node: headers['x-replica-node'] ?? '',
      reason: headers['x-replica-reason'] ?? '',
    };
  }

  it('reads a query from a replica though it is posted, and says so in the headers', async () => {
    expect(await ask('{ account(id: 1) { id balance } }')).toEqual({
      data: { account: { id: 1, balance: 0 } },
      node: expect.stringMatching(/^replica-[12]$/),
      reason: 'session-free',
    });
  });

  it('keeps resolvers apart that run at the same time under different decorators', async () => {
    for (let round = 0; round < 5; round++) {
      await ask('{ a: account(id: 1) { id } b: exactAccount(id: 1) { id } c: account(id: 2) { id } }');
      expect(routes.take().toSorted()).toEqual(['primary forced-primary', ON_REPLICA, ON_REPLICA]);
    }
  });

  it('reads a mutation from the primary, also what it returns', async () => {
    await ask('mutation { deposit(id: 3) { id undecorated } }');
    expect(routes.take()).toEqual(['primary write', 'primary unsafe-method', 'primary unsafe-method']);
  });

  it('shows a session its own mutation in its next query, with replay paused', async () => {
    await whilePaused(cluster, async () => {
      const { data } = await ask('mutation { deposit(id: 4) { balance } }', 'depositor');
      expect(data).toEqual({ deposit: { balance: 1 } });
      expect(await ask('{ account(id: 4) { balance } }', 'depositor')).toEqual({
        data: { account: { balance: 1 } },
        node: 'primary',
        reason: 'session-ahead',
      });
      expect(await ask('{ account(id: 4) { balance } }', 'another')).toMatchObject({
        data: { account: { balance: 0 } },
        reason: 'session-free',
      });
    });
  });

  it('lets the field of a posted query use a replica if it is decorated, or if interceptors run for it', async () => {
    await ask('{ account(id: 1) { total } }');
    expect(routes.take()).toEqual([ON_REPLICA, ON_REPLICA]);
    await ask('{ account(id: 1) { undecorated } }');
    const isIntercepted = fieldResolverEnhancers.length > 0;
    expect(routes.take()).toEqual([ON_REPLICA, isIntercepted ? ON_REPLICA : 'primary unsafe-method']);
  });
});
