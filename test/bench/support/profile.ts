import { Session, type Profiler } from 'node:inspector/promises';

/** Starting and stopping the profiler, which is left out. */
const PROFILER = 'profiler';
/** The account that the processor's time goes to: the first that matches the place of the code. */
const ACCOUNTS: readonly (readonly [account: string, place: RegExp])[] = [
  ['nestjs-replica', /\/libs\/replica\//],
  ['TypeORM', /\/node_modules\/typeorm\//],
  ['pg', /\/node_modules\/(pg|postgres)[^/]*\//],
  ['async context', /^node:(internal\/)?(async_hooks|async_local_storage)/],
  ['sockets', /^node:(net|internal\/(streams?\/?|stream_base_commons|timers|js_stream_socket))/],
  [PROFILER, /^node:(internal\/)?inspector/],
  ['benchmark', /\/dist\/bench\/test\//],
];
const GARBAGE = 'garbage collection';
const OTHERS = 'Node, other';
/** Nobody's account: the processor waits. */
const IDLE = '(idle)';

export interface ProfiledFunction {
  readonly name: string;
  readonly us: number;
}

export interface Profile {
  /** Microseconds by account, without the time that the processor waits. */
  readonly accounts: Readonly<Record<string, number>>;
  /** The functions that themselves took the longest. */
  readonly functions: readonly ProfiledFunction[];
}

/** Samples 5,000 times a second what the processor does while `work` runs. */
export async function profile(work: () => Promise<unknown>): Promise<Profile> {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: 200 });
  await session.post('Profiler.start');
  await work();
  const { profile: taken } = await session.post('Profiler.stop');
  session.disconnect();
  return summarize(taken);
}

function summarize({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile): Profile {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])));
  const accounts = new Map<string, number>();
  const functions = new Map<string, number>();
  for (const [index, id] of samples.entries()) {
    const node = byId.get(id);
    if (node === undefined || node.callFrame.functionName === IDLE) continue;
    const account = accountOf(node, (of) => byId.get(parents.get(of.id) ?? -1));
    if (account === PROFILER) continue;
    const us = timeDeltas[index] ?? 0;
    add(accounts, account, us);
    add(functions, nameOf(node), us);
  }
  return {
    accounts: Object.fromEntries(accounts),
    functions: [...functions]
      .map(([name, us]) => ({ name, us }))
      .toSorted((a, b) => b.us - a.us)
      .slice(0, 20),
  };
}

function add(sums: Map<string, number>, key: string, value: number): void {
  sums.set(key, (sums.get(key) ?? 0) + value);
}

/** Code without a place of its own (functions of the engine) goes to the account of its caller. */
function accountOf(
  node: Profiler.ProfileNode,
  parentOf: (node: Profiler.ProfileNode) => Profiler.ProfileNode | undefined,
): string {
  if (node.callFrame.functionName === '(garbage collector)') return GARBAGE;
  let placed: Profiler.ProfileNode | undefined = node;
  while (placed !== undefined && placed.callFrame.url === '') placed = parentOf(placed);
  const url = placed?.callFrame.url ?? '';
  return ACCOUNTS.find(([, place]) => place.test(url))?.[0] ?? OTHERS;
}

function nameOf({ callFrame: { functionName, url, lineNumber } }: Profiler.ProfileNode): string {
  const place = url === '' ? '' : ` (${url.split('/').slice(-2).join('/')}:${lineNumber + 1})`;
  return `${functionName || 'anonymous'}${place}`;
}
