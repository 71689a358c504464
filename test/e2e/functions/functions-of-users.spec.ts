import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { FAULTS_OF_FUNCTIONS } from '../../support/faults-of-functions.js';
import { FunctionsProcess } from './support/functions-process.js';
import { useLedgerCluster } from '../../support/cluster/use-cluster.js';

const FAULTS = Object.keys(FAULTS_OF_FUNCTIONS);
/** Said by a function that tells who the client is, these mean nobody. */
const NOBODY = ['gives undefined', 'gives null', 'gives an empty text'];

const EVERYWHERE = ['a listener', 'logger', 'monitor.probe', 'route', 'tokenOf'];

const cluster = useLedgerCluster();
describe.each([
  ['express', 'store', ['session.key', 'store.load', 'store.save', 'balancer', ...EVERYWHERE]],
  ['fastify', 'store', ['session.key', 'store.load', 'store.save']],
  ['express', 'announcing', ['store.load', 'store.announce', 'the announced save']],
  ['express', 'token', ['token.read', 'token.write']],
  ['fastify', 'token', ['token.read', 'token.write', ...EVERYWHERE]],
])('on %s, with sessions of kind %s', (platform, sessions, points) => {
  let app: FunctionsProcess;

  beforeAll(async () => {
    app = await FunctionsProcess.start(cluster, { platform, sessions });
  }, 60_000);

  afterAll(() => app?.stop());

  /** What nobody's function may change: the answers to somebody else. */
  const expectOthersUnharmed = async (): Promise<void> => {
    expect(await app.call('GET', '/accounts/2', 'bystander')).toBe(200);
    expect(await app.call('POST', '/accounts/2/add', 'bystander')).toBe(201);
    expect(app.deaths).toEqual([]);
  };

  it.each(points)(
    '%s harms at most its own request, whatever it does',
    async (point) => {
      const statuses: Record<string, number[]> = {};
      for (const fault of FAULTS) {
        await app.arm(point, fault);
        statuses[fault] = await Promise.all([
          app.call('GET', '/accounts/1', 'victim'),
          app.call('POST', '/accounts/1/add', 'victim'),
          app.call('GET', '/entries', 'victim'),
          app.call('GET', '/entries'),
          app.call('POST', '/jobs', 'victim'),
          app.call('GET', '/no/such/route', 'victim'),
        ]);
        await expectOthersUnharmed();
        await app.arm();
      }
      expect(statuses).toEqual(Object.fromEntries(FAULTS.map((fault) => [fault, expectedOf(point, fault)])));
      expect(await app.call('GET', '/accounts/1', 'victim')).toBe(200);
    },
    120_000,
  );
});

/** One for each of the calls above. */
function expectedOf(point: string, fault: string): unknown[] {
  const answered = [200, 201, 200, 200, 201, 404];
  const failsWhoAsks = [500, 500, 500, 200, 500, 404];
  const either = expect.any(Number);
  switch (point) {
    case 'session.key':
    case 'token.read':
      return NOBODY.includes(fault) || (fault === 'gives a huge text' && point === 'token.read')
        ? answered
        : failsWhoAsks;
    case 'route':
      return fault === 'gives undefined' ? answered : [200, 201, either, either, 201, 404];
    case 'balancer':
      return [200, 201, 200, either, either, 404];
    case 'tokenOf':
      return [200, 201, 200, 200, either, 404];
    default:
      return answered;
  }
}
