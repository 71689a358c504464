import { Argument, Command, Option } from 'commander';
import type { ExitCode } from './exit-code.js';
import type { CommonOptions } from './command-options.js';
import type { Terminal } from './terminal.js';
import { parseCount, parseDuration } from './units.js';

/** What a command is run in. */
export interface CommandContext extends Terminal {
  /** Sets what the process ends with. */
  readonly finish: (code: ExitCode) => void;
}

const EXIT_CODES = `
Exit codes: 0 all is well, 1 warning, 2 critical or not reachable, 3 unknown or wrong usage.`;

const SOURCES = `
Where the nodes are: --primary and --replica, or else -d, or else the environment (DATABASE_URL,
DATABASE_READ_REPLICA_URL, or POSTGRES_HOST ...). Other users of this machine can see the arguments of a
process, so a password belongs in the environment or in the file of -d.`;

/** The whole command line. What a command does is loaded when it runs. @param refused is told what Commander has to complain about */
export function createProgram(context: CommandContext, refused: (text: string) => void): Command {
  const program = new Command('nestjs-replica')
    .description('See, check and explain the replicas of a database, before and after you read from them.')
    .version(context.version, '-V, --version', 'tell the version')
    .exitOverride()
    .configureOutput({ writeOut: context.out, writeErr: refused })
    .configureHelp({ helpWidth: Math.min(context.columns, 100) })
    .helpOption('-h, --help', 'show help');
  addAudit(program, context);
  addCheck(program, context);
  addStatus(program, context);
  addExplain(program, context);
  addLag(program, context);
  program.addHelpText('after', `\nExample: nestjs-replica check --help\n${EXIT_CODES}`);
  return program;
}

function addAudit(program: Command, context: CommandContext): void {
  withSource(program.command('audit'))
    .summary('how much of the load may leave the primary, and why not the rest')
    .description(
      `Reads the statistics of the statements that the primary has run (pg_stat_statements; on MySQL and MariaDB
performance_schema), and asks the rule of the router which of them may run on a replica. Changes nothing.`,
    )
    .addOption(countOption('--top <number>', 'show this many statements that stay', 10))
    .addHelpText('after', help('nestjs-replica audit --primary postgres://app@db.internal/shop'))
    .action(async (options: CommonOptions & { top: number }) => {
      const { audit } = await import('./commands/audit.js');
      context.finish(await audit(options, context));
    });
}

function addCheck(program: Command, context: CommandContext): void {
  withSource(program.command('check'))
    .summary('whether replication is well: for monitoring, and before you adopt it')
    .description('Asks each node for its state, lag, rights, settings and connections. Changes nothing.')
    .addOption(
      new Option('--format <format>', 'how to show the result')
        .choices(['text', 'json', 'nagios'])
        .default('text'),
    )
    .addOption(durationOption('--warn-lag <duration>', 'warn from this lag on', '5s'))
    .addOption(durationOption('--crit-lag <duration>', 'critical from this lag on', '30s'))
    .addOption(
      countOption(
        '--min-replicas <number>',
        'critical with fewer replicas that serve; others may be away then',
      ),
    )
    .addOption(
      countOption(
        '--instances <number>',
        'processes of the application, for the sum of their connections',
        1,
        1,
      ),
    )
    .addHelpText(
      'after',
      help('nestjs-replica check -d dist/data-source.js --format nagios --warn-lag 5s --crit-lag 30s'),
    )
    .action(async (options) => {
      const { check } = await import('./commands/check.js');
      context.finish(await check(options as Parameters<typeof check>[0], context));
    });
}

function addStatus(program: Command, context: CommandContext): void {
  withSource(program.command('status'))
    .summary('the nodes, with role, lag and position')
    .description('Shows the nodes as the servers tell of them, or as an application sees them (--app).')
    .addOption(new Option('--watch', 'show it again and again until Ctrl+C').conflicts('json'))
    .addOption(durationOption('--every <duration>', 'how often, with --watch', '2s', 100))
    .option(
      '--app <url>',
      "the address of an application's dashboard: shows what that process sees and decides",
    )
    .option('--header <header...>', 'with --app: a header to send, such as "authorization: Bearer ..."')
    .addHelpText('after', help('nestjs-replica status --watch --app http://localhost:3000/replica'))
    .action(async (options) => {
      const { status } = await import('./commands/status.js');
      context.finish(await status(options as Parameters<typeof status>[0], context));
    });
}

function addExplain(program: Command, context: CommandContext): void {
  withSource(program.command('explain'))
    .summary('what kind of statement a text is, and why')
    .description(
      `Tells what the router makes of a SQL text: whether it may run on a replica, and what keeps it on the primary.
Connects to nothing, and then knows the functions that are built into the database, but none of yours. With
--primary or -d it asks the catalog, as the application does.`,
    )
    .addArgument(new Argument('<sql>', 'the text, in quotes'))
    .addOption(
      new Option('--type <database>', 'the database, if --primary or DATABASE_URL does not tell').choices([
        'postgres',
        'mysql',
        'mariadb',
      ]),
    )
    .addHelpText('after', help('nestjs-replica explain "SELECT nextval(\'orders_id_seq\')"'))
    .action(async (sql: string, options) => {
      const { explain } = await import('./commands/explain.js');
      context.finish(await explain(sql, options as Parameters<typeof explain>[1], context));
    });
}

function addLag(program: Command, context: CommandContext): void {
  withSource(program.command('lag'))
    .summary('how far each replica is behind, over some time')
    .description(
      'Measures the lag of each replica as the library does, and tells its distribution. Ctrl+C ends it early.',
    )
    .addOption(durationOption('--for <duration>', 'how long to measure', '60s', 100))
    .addOption(durationOption('--every <duration>', 'how often to ask each node', '100ms', 10))
    .addHelpText('after', help('nestjs-replica lag --for 60s'))
    .action(async (options) => {
      const { lag } = await import('./commands/lag.js');
      context.finish(await lag(options as Parameters<typeof lag>[0], context));
    });
}

function withSource(command: Command): Command {
  return command
    .option(
      '-d, --data-source <file>',
      "a file that exports a DataSource, as TypeORM's command line takes it",
    )
    .option('--primary <url>', 'the URL of the primary: postgres://, mysql:// or mariadb://')
    .option(
      '--replica <url>',
      'the URL of a replica; may stand several times',
      (url: string, urls?: readonly string[]) => [...(urls ?? []), url],
    )
    .addOption(
      durationOption('--timeout <duration>', 'the longest time to connect, and for each answer', '5s', 10),
    )
    .option('--json', 'print one JSON object and nothing else');
}

function durationOption(flags: string, description: string, byDefault: string, minMs = 0): Option {
  const [name = flags] = flags.split(' ');
  return new Option(flags, description)
    .default(parseDuration(name, byDefault), byDefault)
    .argParser((text) => parseDuration(name, text, minMs));
}

function countOption(flags: string, description: string, byDefault?: number, min = 0): Option {
  const [name = flags] = flags.split(' ');
  return new Option(flags, description).default(byDefault).argParser((text) => parseCount(name, text, min));
}

function help(example: string): string {
  return `\nExample:\n  ${example}\n${SOURCES}\n${EXIT_CODES}`;
}
