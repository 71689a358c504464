import { CommanderError } from 'commander';
import { codeOf, messageOf } from '../errors/describe-error.js';
import { CommandError } from './command.error.js';
import { learnUrl, withoutSecrets } from './discreet-text.js';
import { EXIT_WORDS, ExitCode } from './exit-code.js';
import { createProgram } from './program.js';
import type { Terminal } from './terminal.js';

/** The form of names of options and commands. Anything else that was given may be a secret in the wrong place. */
const FLAG = /unknown option '(--[a-z][a-z-]{0,30})[='\s]/;
const DID_YOU_MEAN = /\(Did you mean ([^)?]+)\?\)/;

/** Errors of the driver, the network and the library that say that a node cannot be reached. */
const UNREACHABLE =
  /^(?:E(?:CONN|HOST|NET|AI_|TIMEDOUT|PIPE|ADDR|NOTFOUND)\w*|ENOTFOUND|REPLICA_NODE_UNAVAILABLE|REPLICA_PRIMARY_UNAVAILABLE|08\w{3}|28\w{3}|3D000|53300|57P0\d|ER_ACCESS_DENIED\w*|ER_DBACCESS_DENIED\w*|ER_BAD_DB\w*|ER_CON_COUNT\w*|ER_HOST\w*|PROTOCOL_\w+)$/;

/** The same of errors that have no code. */
const ENDED = /timeout exceeded|no answer within|Connection terminated|timeout expired/;

/** Runs the command line. Never rejects. The exit code follows the Monitoring Plugins guidelines. */
export async function runCommandLine(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  for (const arg of args) learnUrl(arg);
  for (const name of ['DATABASE_URL', 'DATABASE_READ_REPLICA_URL']) learnUrl(terminal.env[name] ?? '');
  let exitCode: ExitCode = ExitCode.ok;
  let said = '';
  const program = createProgram(
    { ...terminal, finish: (code) => void (exitCode = code) },
    (text) => void (said += text),
  );
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return ExitCode.ok;
    const failure = failureOf(error, said);
    report(withoutSecrets(failure.message), { failure, args, terminal });
    return failure.exitCode;
  }
}

/** Puts an error on the one channel that whoever runs this command reads. */
function report(
  message: string,
  {
    failure,
    args,
    terminal,
  }: { readonly failure: CommandError; readonly args: readonly string[]; readonly terminal: Terminal },
): void {
  const format = args.includes('--json') ? 'json' : formatOf(args);
  const { exitCode } = failure;
  const oneLine = message.replaceAll(/\s*\n\s*/g, ' ');
  if (format === 'json')
    return terminal.out(`${JSON.stringify({ status: EXIT_WORDS[exitCode], exitCode, error: oneLine })}\n`);
  if (format === 'nagios') {
    // A bar would begin the performance data.
    return terminal.out(
      `REPLICATION ${EXIT_WORDS[exitCode].toUpperCase()} - ${oneLine.replaceAll('|', '/')}\n`,
    );
  }
  terminal.err(`nestjs-replica: ${oneLine}\n`);
}

function formatOf(args: readonly string[]): string | undefined {
  const at = args.findIndex((arg) => arg === '--format' || arg.startsWith('--format='));
  return args[at]?.startsWith('--format=') === true ? args[at].slice('--format='.length) : args[at + 1];
}

function failureOf(error: unknown, said: string): CommandError {
  if (error instanceof CommandError) return error;
  if (error instanceof CommanderError) return new CommandError(usageProblem(error, said));
  const code = codeOf(error) ?? '';
  const isUnreachable = UNREACHABLE.test(code) || ENDED.test(messageOf(error));
  const message = messageOf(error) + (code === '' || messageOf(error).includes(code) ? '' : ` (${code})`);
  return new CommandError(message, isUnreachable ? ExitCode.critical : ExitCode.unknown);
}

/** What is wrong with the usage, in words that repeat nothing that may be a secret. */
function usageProblem({ code, message }: CommanderError, said: string): string {
  const [, suggestion] = DID_YOU_MEAN.exec(message) ?? [];
  const hint = suggestion === undefined ? 'see --help' : `did you mean ${suggestion}?`;
  switch (code) {
    case 'commander.help':
      return `which command? ${commandsIn(said)}; see --help`;
    case 'commander.unknownOption':
      if (!FLAG.test(message))
        return `unknown option: ${hint}, and write -- before a text that begins with -`;
      return `unknown option ${FLAG.exec(message)?.[1]}: ${hint}`;
    case 'commander.unknownCommand':
      return `unknown command: ${hint}`;
    case 'commander.invalidArgument': {
      const [, option] = /option '([^']+)'/.exec(message) ?? [];
      const [, choices] = /Allowed choices are ([\w, ]+)/.exec(message) ?? [];
      return `${option ?? 'an option'} takes ${choices === undefined ? 'something else' : `one of ${choices}`}`;
    }
    default:
      // The others name only what is there, not what was given.
      return message.replace(/^error: /, '').replaceAll("'", '');
  }
}

function commandsIn(help: string): string {
  const names = Array.from(help.matchAll(/^ {2}([a-z]+) /gm), ([, name]) => name).filter(
    (name) => name !== 'help',
  );
  return names.join(', ');
}
