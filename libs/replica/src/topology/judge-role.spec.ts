import { describe, expect, it } from '@jest/globals';
import { judgeRole, type KnownPeers } from './judge-role.js';
import { serverIdentity } from '../../../../test/support/topology/scripted-probe.js';
import { POSTGRES_TERMS } from '../postgres/terms.js';
import type { ProbeResult, ServerIdentity } from './node-probe.js';
import type { NodeSnapshot } from './topology.js';

const node = (name: string, known: Partial<NodeSnapshot> = {}): NodeSnapshot => ({
  name,
  role: name === 'primary' ? 'primary' : 'replica',
  address: `${name}:5432`,
  health: 'up',
  weight: 1,
  ...known,
});

const server = (startedAt: string): ServerIdentity => serverIdentity({ startedAt });

const standby: ProbeResult = { isReadOnly: true, position: 100n, epoch: 1 };
const writable = (epoch: number | undefined): ProbeResult => ({
  isReadOnly: false,
  position: 100n,
  epoch,
});

/** A primary on epoch 2, and two replicas. */
const known = (changes: Partial<KnownPeers> = {}): KnownPeers => ({
  primary: node('primary'),
  replicas: [node('replica'), node('other')],
  epoch: 2,
  hasFollowed: () => true,
  terms: POSTGRES_TERMS,
  ...changes,
});

/** No primary has answered yet, and the configured one is down. */
const begun = (changes: Partial<KnownPeers> = {}): KnownPeers =>
  known({ primary: node('primary', { health: 'down' }), epoch: undefined, ...changes });

describe('judgeRole', () => {
  it.each([
    ['on a higher epoch', writable(3), known(), 'conflict'],
    ['as the only writable node, when none was ever heard of', writable(2), begun(), 'refused'],
    ['that still follows', standby, known(), 'as-expected'],
  ] as const)('never promotes a server behind an endpoint %s', (_, answer, others, expected) => {
    expect(judgeRole(node('replica', { endpoint: 'reader' }), answer, others).kind).toBe(expected);
  });

  it.each([
    ['a standby as a replica', 'replica', standby, known(), 'as-expected'],
    ['a standby as the primary', 'primary', standby, known(), 'refused'],
    ['a writable primary on its epoch', 'primary', writable(2), known(), 'as-expected'],
    ['one on a higher epoch: promoted behind its address', 'primary', writable(3), known(), 'as-expected'],
    ['one on a lower epoch: an older server', 'primary', writable(1), known(), 'conflict'],
    ['the first primary that answers', 'primary', writable(1), known({ epoch: undefined }), 'as-expected'],
    ['a writable replica on a higher epoch', 'replica', writable(3), known(), 'promoted'],
    [
      'one on a higher epoch that nobody has seen following: a copy of the cluster',
      'replica',
      writable(3),
      known({ hasFollowed: () => false }),
      'conflict',
    ],
    ['a writable replica on the same epoch', 'replica', writable(2), known(), 'conflict'],
    [
      'the primary itself under another address',
      'replica',
      { ...writable(2), identity: server('a') },
      known({ server: server('a') }),
      'refused',
    ],
    [
      'another writable server on the same epoch',
      'replica',
      { ...writable(2), identity: server('b') },
      known({ server: server('a') }),
      'conflict',
    ],
    [
      "the primary's own server, promoted since",
      'replica',
      { ...writable(3), identity: server('a') },
      known({ server: server('a') }),
      'promoted',
    ],
    ['a writable replica on a lower epoch', 'replica', writable(1), known(), 'conflict'],
    ['a writable replica that tells no epoch', 'replica', writable(undefined), known(), 'refused'],
    [
      'a writable replica while the primary may yet answer',
      'replica',
      writable(2),
      begun({ primary: node('primary', { health: 'unknown' }) }),
      'refused',
    ],
    ['the only writable node, when none was ever heard of', 'replica', writable(2), begun(), 'promoted'],
    ['one on the first epoch, when none was ever heard of', 'replica', writable(1), begun(), 'refused'],
    [
      'one that tells no epoch, when none was ever heard of',
      'replica',
      writable(undefined),
      begun(),
      'refused',
    ],
    [
      'one while another replica has not been asked yet',
      'replica',
      writable(2),
      begun({ replicas: [node('replica'), node('other', { health: 'unknown' })] }),
      'refused',
    ],
    [
      'one while another replica knows a higher epoch',
      'replica',
      writable(2),
      begun({ replicas: [node('replica'), node('other', { epoch: 3 })] }),
      'refused',
    ],
    [
      'one while the configured primary follows a higher epoch',
      'replica',
      writable(2),
      begun({ primary: node('primary', { health: 'down', epoch: 3 }) }),
      'refused',
    ],
    [
      'one whom the configured primary follows',
      'replica',
      writable(2),
      begun({ primary: node('primary', { health: 'down', epoch: 2 }) }),
      'promoted',
    ],
  ] as const)('judges %s', (_, name, answer, others, expected) => {
    expect(judgeRole(node(name), answer, others).kind).toBe(expected);
  });
});
