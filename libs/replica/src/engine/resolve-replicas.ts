import { isDeepStrictEqual } from 'node:util';
import { InvalidReplicaOptionsError } from '../errors/invalid-options.error.js';
import type { DatabaseFamily } from '../options/database-type.js';
import { addressOf } from '../options/node-address.js';
import { describe, OptionProblems } from '../options/option-problems.js';
import type { NodeOptions, PoolLevels } from '../options/replica-options.js';
import {
  checkReplicas,
  isReadable,
  nameReplicas,
  resolveNode,
  withoutEmptyUrls,
  type ResolvedNode,
} from '../options/resolve-nodes.js';
import { SafeMessageError } from '../errors/safe-message.error.js';
import type { Database } from '../execution/database.js';

/** The nodes that a list of replicas is compared with. */
export interface CurrentNodes {
  readonly database: Pick<Database, 'withConnectionOf'>;
  readonly family: DatabaseFamily;
  readonly primary: ResolvedNode;
  /** The current replicas. A new replica without a name takes the name of the one at the same address. */
  readonly replicas: Iterable<ResolvedNode>;
  readonly levels: PoolLevels | undefined;
}

/** Resolves replicas that were given at run time. Throws one `InvalidReplicaOptionsError` that lists all mistakes. */
export function resolveReplicas(
  replicas: readonly NodeOptions[],
  current: CurrentNodes,
  path = 'replicas',
): readonly ResolvedNode[] {
  const { family } = current;
  const problems = new OptionProblems(family);
  if (!Array.isArray(replicas)) {
    problems.add(path, `must be a list, not ${describe(replicas)}`);
    throw new InvalidReplicaOptionsError(problems.list);
  }
  // Of several replicas at one address, the first one's name counts.
  const names = new Map([...current.replicas].toReversed().map(({ address, name }) => [address, name]));
  const given = withoutEmptyUrls(replicas);
  const named = nameReplicas(given, { primary: current.primary.name, byAddress: names, family });
  checkReplicas(problems, named, { path, primary: current.primary.name, primaryPath: 'the primary' });
  problems.throwIfAny();
  return named.map((node) =>
    resolveNode(node, 'replica', { otherwise: node.name ?? '', levels: current.levels, family }),
  );
}

/**
 * Resolves replicas that were found. Whatever they lack of user, password, database and TLS comes from the primary. A
 * replica at the primary's address is the primary itself and is left out. Throws if no replica is left.
 */
export function resolveFound(found: readonly NodeOptions[], current: CurrentNodes): readonly ResolvedNode[] {
  const problems = found.flatMap((node, index) =>
    typeof node?.host === 'string' || typeof node?.url === 'string'
      ? []
      : [`found[${index}] must have a host or a url`],
  );
  if (problems.length > 0) throw new InvalidReplicaOptionsError(problems);
  const others = found
    .map((node) => current.database.withConnectionOf(current.primary.credentials, node))
    .filter(
      (node) =>
        !isReadable(node, current.family) || addressOf(node, current.family) !== current.primary.address,
    );
  if (others.length === 0) throw new SafeMessageError('it found no replica beside the primary');
  return resolveReplicas(others, current, 'found');
}

/** Whether connections to `before` will do for `after`. Two functions, such as those that give a password, count as equal. */
export function isSameConnection(before: ResolvedNode, after: ResolvedNode): boolean {
  return (['address', 'servername', 'credentials', 'pool'] as const).every((part) =>
    isSame(before[part], after[part]),
  );
}

function isSame(a: unknown, b: unknown): boolean {
  if (typeof a === 'function' && typeof b === 'function') return true;
  if (!isPlain(a) || !isPlain(b)) return isDeepStrictEqual(a, b);
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].every((key) => isSame(a[key], b[key]));
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
