import { describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { command } from '../../../../test/support/command-line.js';
import { SECRETS, tellsSecret } from '../../../../test/support/secrets/secrets.js';

describe('the command line', () => {
  it('has help with an example for each command', async () => {
    const { out, exitCode } = await command(['--help']);
    expect(exitCode).toBe(0);
    const names = Array.from(out.matchAll(/^ {2}(\w+) \[options\]/gm), ([, name]) => name as string);
    expect(names).toEqual(['audit', 'check', 'status', 'explain', 'lag']);
    for (const name of names) {
      const help = await command([name, '--help']);
      expect(help).toMatchObject({ exitCode: 0, err: '' });
      expect(help.out).toContain(`Example:\n  nestjs-replica ${name}`);
    }
    expect(await command(['--version'])).toEqual({ exitCode: 0, out: '1.2.3\n', err: '' });
  });

  it.each(['postgres', 'mysql'])(
    'ends with 2 if whatever answers for %s ends the connection',
    async (type) => {
      const server = createServer((socket) => void socket.once('error', () => undefined).end()).listen(
        0,
        '127.0.0.1',
      );
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      const url = `${type}://app:hunter2@127.0.0.1:${port}/shop`;
      try {
        for (const name of ['audit', 'check', 'status']) {
          const { exitCode, out, err } = await command([name, '--primary', url]);
          expect([name, exitCode]).toEqual([name, 2]);
          expect(out + err).not.toMatch(/hunter2|\n {4}at /);
        }
      } finally {
        server.close();
      }
    },
  );

  it.each<[string, string[], string]>([
    ['no command', [], 'which command? audit, check, status, explain, lag; see --help'],
    ['a misspelt command', ['chek'], 'unknown command: did you mean check?'],
    ['a misspelt option', ['check', '--warnlag', '5s'], 'unknown option --warnlag: did you mean --warn-lag?'],
    ['an option without its value', ['check', '--warn-lag'], 'option --warn-lag <duration> argument missing'],
    [
      'a format that there is not',
      ['check', '--format', 'xml'],
      '--format <format> takes one of text, json, nagios',
    ],
    [
      'a duration that is none',
      ['lag', '--for', 'ever'],
      '--for takes a duration such as 500ms, 5s or 1m, from 100 ms',
    ],
    [
      'thresholds in the wrong order',
      ['check', '--warn-lag', '60s'],
      '--warn-lag has to be at most --crit-lag',
    ],
    ['no text', ['explain'], 'missing required argument sql'],
    [
      'a replica without a primary',
      ['status', '--replica', 'postgres://h/d'],
      '--replica needs --primary beside it',
    ],
    ['no nodes at all', ['status'], 'where are the nodes? Set DATABASE_URL'],
    ['two sources', ['status', '--primary', 'postgres://h/d', '-d', 'x.js'], 'give one of them'],
    [
      'a file that is not there',
      ['status', '-d', 'no/such.js'],
      '--data-source no/such.js: there is no such file',
    ],
    ['watching as JSON', ['status', '--watch', '--json'], 'option --watch cannot be used with option --json'],
  ])('ends with 3 and one line for %s', async (_, args, line) => {
    const { exitCode, err, out } = await command(args);
    expect(exitCode).toBe(3);
    expect(`${err}${out}`).toContain(line);
    expect(`${err}${out}`.trim()).not.toContain('\n');
  });

  it('tells what is wrong in the format that was asked for', async () => {
    const json = await command(['check', '--json']);
    expect(JSON.parse(json.out)).toMatchObject({ status: 'unknown', exitCode: 3 });
    const nagios = await command(['check', '--format=nagios', '--top']);
    expect(nagios).toMatchObject({ exitCode: 3, err: '' });
    expect(nagios.out).toMatch(/^REPLICATION UNKNOWN - unknown option --top[^\n]*\n$/);
  });

  it.each(SECRETS)('repeats no password of %s, wherever it was given', async (_, secret) => {
    const urls = [
      `postgres://u:${secret}@127.0.0.1:1/d`,
      `postgres://u:${encodeURIComponent(secret)}@127.0.0.1:1/d`,
      `redis://u:${secret}@127.0.0.1:1/d`,
      `postgres:/u:${secret}@`,
    ];
    const lines = urls.flatMap((url) => [
      ['check', '--timeout', '50ms', '--primary', url],
      ['check', '--timeout', '50ms', '--json', '--primary', 'postgres://127.0.0.1:1/d', '--replica', url],
      ['status', '--app', url],
      ['audit', url],
      ['check', `--primry=${url}`],
      ['check', '--warn-lag', url],
      ['check', '--format', url],
      ['status', '--app', 'http://127.0.0.1:1', '--header', url],
      [url],
      [`-p${secret}`],
    ]);
    const outcomes = await Promise.all([
      ...lines.map((args) => command(args)),
      ...urls.map((url) => command(['audit'], { env: { DATABASE_URL: url } })),
    ]);
    for (const { out, err, exitCode } of outcomes) {
      expect(exitCode).toBeGreaterThan(0);
      expect(tellsSecret(out + err, secret)).toBe(false);
    }
  });
});

describe('explain', () => {
  const explain = async (...args: string[]): Promise<unknown> =>
    JSON.parse((await command(['explain', '--json', ...args])).out);

  it('tells a read from a write, and why', async () => {
    expect(await explain('SELECT * FROM billing.accounts a JOIN orders o USING (id)')).toEqual({
      kind: 'read',
      mayLeavePrimary: true,
      reason: null,
      why: null,
      tables: ['billing.accounts', 'orders'],
      restsOn: [],
      rule: null,
      catalog: 'built-in',
      needsCatalog: false,
      keepsAllOnPrimary: [],
    });
    expect(await explain("SELECT nextval('s')")).toMatchObject({
      kind: 'write',
      mayLeavePrimary: false,
      reason: 'write',
      why: 'calls nextval()',
    });
    expect(await explain('SELECT refund(1)')).toMatchObject({
      reason: 'unknown-statement',
      needsCatalog: true,
    });
  });

  it('reads texts as the database does', async () => {
    const text = 'SELECT `id` FROM `account` LIMIT 1, 2';
    expect(await explain(text)).toMatchObject({ kind: 'unknown' });
    expect(await explain('--type', 'mysql', text)).toMatchObject({ kind: 'read', tables: ['account'] });
    const env = { DATABASE_URL: 'mariadb://h/d' };
    expect(JSON.parse((await command(['explain', '--json', text], { env })).out)).toMatchObject({
      kind: 'read',
    });
  });

  it('never repeats the text', async () => {
    const { out } = await command(['explain', "INSERT INTO t VALUES ('hunter2')"]);
    expect(out).toBe('kind     write\nruns on  the primary\nbecause  INSERT (write)\n');
  });

  it('uses colours on a terminal only, and not with NO_COLOR', async () => {
    const [tty, piped, plain] = await Promise.all(
      [{ isTty: true }, {}, { isTty: true, env: { NO_COLOR: '1' } }].map((changes) =>
        command(['explain', 'SELECT 1'], changes),
      ),
    );
    expect(tty?.out).toContain('\u001B[');
    expect(piped?.out).not.toContain('\u001B[');
    expect(plain?.out).toBe(piped?.out);
  });
});
