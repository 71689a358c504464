import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Param, ParseIntPipe, Patch, Post } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { DataSourceRouter, ForcePrimary, UseReplica } from 'nestjs-replica';
import { DataSource, EntityManager, Repository } from 'typeorm';
import { useApp } from '../support/app/start-app.js';
import { useLedgerCluster, pauseReplay, resumeReplay } from '../support/cluster/use-cluster.js';
import { until } from '../support/until.js';
import { forDatabase, inDialect } from '../support/cluster/test-database.js';
import { Transcript } from '../support/cluster/transcript.js';
import { Account, Entry } from '../support/ledger/accounts.js';

/** Its values differ from call to call, and it changes nothing. */
const HARMLESS_SQL = forDatabase({
  postgres: 'SELECT random() >= 0 AS ok, clock_timestamp(), gen_random_uuid(), pg_sleep(0)',
  mariadb: 'SELECT RAND() >= 0 AS ok, SYSDATE(6), UUID(), SLEEP(0)',
});

/** Statements that begin like a read and do more. */
const PRIMARY_SQL = forDatabase({
  postgres: {
    forUpdate: 'SELECT id FROM account WHERE id = 1 FOR UPDATE',
    sequence: `SELECT nextval('account_id_seq')`,
    writeWithRows: 'WITH x AS (UPDATE account SET balance = balance RETURNING id) SELECT count(*) FROM x',
    lock: 'SELECT pg_advisory_xact_lock(1)',
    setting: `SELECT set_config('my.setting', 'x', true)`,
    transactionId: 'SELECT txid_current()',
    userFunction: 'SELECT touch_account(1)',
    viewOverUserFunction: 'SELECT * FROM touched_accounts',
  },
  mariadb: {
    forUpdate: 'SELECT id FROM account WHERE id = 1 FOR UPDATE',
    sequence: 'SELECT NEXTVAL(numbers)',
    writeWithRows: 'INSERT INTO entry (amount, accountId) VALUES (1, 1) RETURNING id',
    lock: `SELECT GET_LOCK('mine', 0)`,
    setting: `SELECT @mine := 'x'`,
    transactionId: 'SELECT LAST_INSERT_ID()',
    userFunction: 'SELECT touch_account(1)',
    viewOverUserFunction: 'SELECT * FROM touched_accounts',
  },
});

@Controller('accounts')
class AccountController {
  constructor(
    @InjectRepository(Account) private readonly accounts: Repository<Account>,
    private readonly manager: EntityManager,
    private readonly dataSource: DataSource,
    private readonly router: DataSourceRouter,
  ) {}

  @Get()
  list(): Promise<Account[]> {
    return this.accounts.find({ order: { id: 'ASC' } });
  }

  @Get('ways/:way')
  async way(@Param('way') way: string): Promise<unknown> {
    switch (way) {
      case 'findOneBy':
        return this.accounts.findOneBy({ id: 1 });
      case 'findAndCount':
        return this.accounts.findAndCount({ take: 1 });
      case 'count':
        return this.accounts.count();
      case 'exists':
        return this.accounts.existsBy({ id: 1 });
      case 'relations':
        return this.accounts.find({ relations: { entries: true }, take: 2 });
      case 'lazy': {
        const account = await this.accounts.findOneByOrFail({ id: 1 });
        return (await account.entries).length;
      }
      case 'queryBuilder':
        return this.accounts.createQueryBuilder('a').where('a.balance >= :min', { min: 0 }).getMany();
      case 'manager':
        return this.manager.findBy(Account, { owner: 'ann' });
      case 'dataSource':
        return this.dataSource.getRepository(Account).sum('balance');
      case 'stream': {
        const stream = await this.accounts.createQueryBuilder('a').stream();
        const rows: unknown[] = [];
        for await (const row of stream) rows.push(row);
        return rows.length;
      }
      case 'raw':
        return this.dataSource.query(inDialect('SELECT count(*) FROM account WHERE id > $1'), [0]);
      case 'rawRepository':
        return this.accounts.query('SELECT 1 AS one');
      case 'harmlessVolatile':
        return this.dataSource.query(HARMLESS_SQL);
      default:
        throw new Error(`no such way: ${way}`);
    }
  }

  @Get('primary-ways/:way')
  async primaryWay(@Param('way') way: string): Promise<unknown> {
    switch (way) {
      case 'queryBuilderInTransaction':
        return this.dataSource.transaction(() =>
          this.dataSource.getRepository(Account).createQueryBuilder('a').getMany(),
        );
      case 'transaction':
        return this.dataSource.transaction((manager) => manager.find(Account));
      case 'findInTransaction':
        return this.accounts.find({ transaction: true });
      default:
        return this.dataSource.query(PRIMARY_SQL[way as keyof typeof PRIMARY_SQL]);
    }
  }

  @Get('forced')
  @ForcePrimary()
  forced(): Promise<number> {
    return this.accounts.count();
  }

  @Post('search')
  search(): Promise<Account[]> {
    return this.accounts.find();
  }

  @Post('replica-search')
  @UseReplica()
  replicaSearch(): Promise<Account[]> {
    return this.accounts.find();
  }

  @Get('scopes')
  async scopes(): Promise<unknown> {
    await this.router.runOnPrimary(() => this.accounts.count());
    return this.accounts.find();
  }

  @Get(':id')
  one(@Param('id', ParseIntPipe) id: number): Promise<Account | null> {
    return this.accounts.findOneBy({ id });
  }

  @Patch(':id/add')
  async add(@Param('id', ParseIntPipe) id: number): Promise<Account> {
    const account = await this.accounts.findOneByOrFail({ id });
    account.balance += 1;
    await this.accounts.save(account);
    return this.accounts.findOneByOrFail({ id });
  }
}

const cluster = useLedgerCluster({
  count: 0,
  sql: `
    INSERT INTO account (owner, balance) VALUES ('ann', 1), ('bob', 2);
    ${inDialect('INSERT INTO entry (amount, "accountId") VALUES (5, 1), (6, 2)')};
    ${forDatabase({
      postgres: `CREATE FUNCTION touch_account(int) RETURNS int LANGUAGE sql AS 'SELECT $1'`,
      // It does not say that it only reads.
      mariadb: `CREATE SEQUENCE numbers; CREATE FUNCTION touch_account(n int) RETURNS int DETERMINISTIC RETURN n`,
    })};
    CREATE VIEW touched_accounts AS SELECT touch_account(id) AS touched FROM account;`,
});
const app = useApp(cluster, [AccountController]);

describe('routing on a real cluster', () => {
  let transcript: Transcript;

  beforeAll(() => {
    transcript = new Transcript(cluster);
  });

  beforeEach(() => transcript.clear());

  it('spreads plain reads over both replicas, and none over the primary', async () => {
    // The balancer gives less to a replica whose last reads were slow, as any may be on a busy machine.
    let reads = 0;
    await until(async () => {
      for (let index = 0; index < 20; index++) expect((await app.get('/accounts')).status).toBe(200);
      reads += 20;
      const counts = await transcript.count(inDialect('FROM "account"'));
      expect(counts.primary).toBe(0);
      expect((counts['replica-1'] ?? 0) + (counts['replica-2'] ?? 0)).toBe(reads);
      return Math.min(counts['replica-1'] ?? 0, counts['replica-2'] ?? 0) > 5;
    }, 'reads on both replicas');
  });

  it.each([
    'findOneBy',
    'findAndCount',
    'count',
    'exists',
    'relations',
    'lazy',
    'queryBuilder',
    'manager',
    'dataSource',
    'stream',
    'raw',
    'rawRepository',
    'harmlessVolatile',
  ])('answers %s by a replica', async (way) => {
    const answer = await app.get(`/accounts/ways/${way}`);
    expect(answer).toMatchObject({ status: 200, reasons: ['session-free'] });
    expect(answer.nodes).toEqual([expect.stringMatching(/^replica-[12]$/)]);
    expect(await transcript.of('primary')).toEqual([]);
  });

  it.each<[string, string]>([
    ['forUpdate', 'locking-read'],
    ['sequence', 'write'],
    ['writeWithRows', 'write'],
    // The lock of MariaDB outlives a transaction.
    ['lock', forDatabase({ postgres: 'locking-read', mariadb: 'session-change' })],
    ['setting', 'session-change'],
    ['transactionId', ''],
    ['userFunction', ''],
    ['viewOverUserFunction', ''],
    ['queryBuilderInTransaction', 'transaction'],
    ['transaction', 'transaction'],
    ['findInTransaction', 'transaction'],
  ])('answers %s by the primary', async (way, reason) => {
    const answer = await app.get(`/accounts/primary-ways/${way}`);
    expect(answer).toMatchObject({ status: 200, nodes: ['primary'] });
    expect(answer.reasons.join()).toContain(reason);
    expect(await transcript.of('replica-1')).toEqual([]);
    expect(await transcript.of('replica-2')).toEqual([]);
  });

  it("runs writes and save()'s own reads on the primary only", async () => {
    const answer = await app.call('patch', '/accounts/1/add', 'writer');
    expect(answer).toMatchObject({ status: 200, nodes: ['primary'] });
    expect(await transcript.of('replica-1')).toEqual([]);
    expect(await transcript.of('replica-2')).toEqual([]);
    const received = (await transcript.of('primary')).map((text) => text.split(' ')[0]);
    expect(received).toEqual(['SELECT', 'SELECT', 'START', 'UPDATE', 'COMMIT', 'SELECT']);
  });

  it('reads from the primary under an unsafe method, unless a replica is asked for', async () => {
    expect(await app.post('/accounts/search')).toMatchObject({
      nodes: ['primary'],
      reasons: ['unsafe-method'],
    });
    expect((await app.post('/accounts/replica-search')).nodes).toEqual([expect.stringMatching(/^replica/)]);
  });

  it('reads from the primary where it is forced', async () => {
    expect(await app.get('/accounts/forced')).toMatchObject({
      nodes: ['primary'],
      reasons: ['forced-primary'],
    });
    expect((await app.get('/accounts/scopes')).nodes).toEqual(['primary', expect.stringMatching(/^replica/)]);
  });

  it('runs everything outside a request on the primary', async () => {
    await app.accounts.find();
    await app.dataSource.query('SELECT 1');
    expect(await transcript.of('primary')).toHaveLength(2);
  });

  it('runs everything on the primary while routing is off', async () => {
    app.router.disable();
    expect(await app.get('/accounts')).toMatchObject({ nodes: ['primary'], reasons: ['routing-disabled'] });
    app.router.enable();
    expect((await app.get('/accounts')).nodes).toEqual([expect.stringMatching(/^replica/)]);
  });

  it('tells each routed statement, without its text or parameters', async () => {
    const events: object[] = [];
    const off = app.router.on('statement', (event) => events.push(event));
    await app.get('/accounts/1');
    off();
    await app.get('/accounts/1');
    expect(events).toEqual([
      {
        kind: 'read',
        tables: ['account'],
        request: expect.any(Number),
        node: expect.stringMatching(/^replica/),
        reason: 'session-free',
        durationMs: expect.any(Number),
        attempt: 1,
        isFinal: true,
      },
    ]);
  });

  it('tells the topology in a form that can be turned into JSON', async () => {
    await app.allUp();
    const { primary, replicas } = JSON.parse(JSON.stringify(app.router.topology()));
    expect(primary).toMatchObject({
      name: 'primary',
      role: 'primary',
      health: 'up',
      problem: null,
      lagMs: 0,
    });
    expect(primary.position).toMatch(forDatabase({ postgres: /^[0-9A-F]+\/[0-9A-F]+$/, mariadb: /^\d+$/ }));
    expect(replicas).toHaveLength(2);
    expect(JSON.stringify([primary, replicas])).not.toContain(cluster.primary.password);
  });

  it('is fresh while replay is paused on both replicas, in the same request and in the next, and goes back', async () => {
    const before = (await app.get('/accounts/2', 'reader')).body.balance as number;
    await pauseReplay(cluster);
    const written = await app.call('patch', '/accounts/2/add', 'writer-2');
    expect(written.body.balance).toBe(before + 1);
    expect(await app.get('/accounts/2', 'writer-2')).toMatchObject({
      body: { balance: before + 1 },
      nodes: ['primary'],
      reasons: ['session-ahead'],
    });
    const other = await app.get('/accounts/2', 'reader');
    expect(other.body.balance).toBe(before);
    expect(other.nodes).toEqual([expect.stringMatching(/^replica/)]);
    await resumeReplay(cluster);
    const back = await app.getUntil('/accounts/2', 'writer-2', ({ nodes }) => nodes[0] !== 'primary');
    expect(back).toMatchObject({ body: { balance: before + 1 }, reasons: ['session-replayed'] });
  });

  it('keeps entities away from each other', () => {
    expect(app.dataSource.entityMetadatas.map(({ target }) => target)).toEqual(
      expect.arrayContaining([Account, Entry]),
    );
  });
});
